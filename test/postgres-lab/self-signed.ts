/**
 * A certificate for 127.0.0.1, signed with its own key, for servers of tests. Both are public: they protect nothing.
 *
 *   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj "/CN=127.0.0.1" \
 *     -addext "subjectAltName=IP:127.0.0.1"
 *
 * @module
 */

export const certificate: string = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUEk9tVzXXbEfUE+SmEMNGkP/yengwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNjE1MDQ0MloYDzIxMjYxMTAy
MTUwNDQyWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARx8qpIZSBObWpAFw4KyDpKk2TYC/mDMPvT6rv1WaaRyFcNGtWHHQum
yL2qUhCs3VyqSFgBp/d1ub9DjBfflBcMo2QwYjAdBgNVHQ4EFgQUoT/myWwqWxH5
ZtufvCodGV50dHEwHwYDVR0jBBgwFoAUoT/myWwqWxH5ZtufvCodGV50dHEwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQD3HBqm+GvaEKNEPOavDtuj3Qzj0EiKjRNo/H0IJz4HuQIhAO3cOPjLGx6KERxK
6fKw3GZp2Rze8GFohT9L6d9xL8A6
-----END CERTIFICATE-----
`;

export const privateKey: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX8BX+NyH13h4XpCj
Na7jbeI4a8gCTDUxN2MIZGqyO5ShRANCAARx8qpIZSBObWpAFw4KyDpKk2TYC/mD
MPvT6rv1WaaRyFcNGtWHHQumyL2qUhCs3VyqSFgBp/d1ub9DjBfflBcM
-----END PRIVATE KEY-----
`;
