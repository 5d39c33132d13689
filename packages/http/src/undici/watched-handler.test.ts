import { Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { ContextTie } from '../client/context-tie.ts';
import type { UndiciController } from './undici-client.ts';
import { WatchedHandler } from './watched-handler.ts';

/** A handler that notes what it hears, and a controller that notes by what it was aborted. */
function handlerOf(isTieShared = false) {
  const heard: unknown[] = [];
  const aborted: unknown[] = [];
  const tie = new ContextTie();
  const handler = new WatchedHandler(
    {
      onRequestStart: () => heard.push('start'),
      onRequestUpgrade: () => heard.push('upgrade'),
      onResponseStart: (_controller, status) => heard.push(status),
      onResponseData: (_controller, chunk) => heard.push(chunk),
      onResponseEnd: () => heard.push('end'),
      onResponseError: (_controller, error) => heard.push(error),
      onBodySent: () => heard.push('sent'),
    },
    tie,
    isTieShared,
  );
  const controller: UndiciController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: (reason) => {
      aborted.push(reason);
      handler.onResponseError(controller, reason); // as undici does
    },
    pause: () => {},
    resume: () => {},
  };
  return { handler, tie, heard, aborted, controller };
}

describe('a watched handler', () => {
  it('hands on what it hears', () => {
    const { handler, tie, heard, controller } = handlerOf();
    handler.watch(Context.background.withCancel());

    handler.onRequestStart(controller, {});
    handler.onBodySent(1, 1);
    handler.onResponseStarted();
    handler.onResponseStart(controller, 200, {});
    handler.onResponseData(controller, 'chunk');
    handler.onResponseEnd(controller, {});

    expect([heard, tie.isReleased]).toEqual([['start', 'sent', 200, 'chunk', 'end'], true]);
  });

  it('(1): tells of an error once, and of nothing after it', () => {
    const { handler, heard, aborted, controller } = handlerOf();
    const context = Context.background.withCancel();
    handler.watch(context);
    handler.onRequestStart(controller, {});
    const cause = new Error('left');

    context.cancel(cause);
    handler.onResponseStart(controller, 200, {});
    handler.onResponseData(controller, 'chunk');
    handler.onResponseEnd(controller, {});
    handler.onResponseError(controller, new Error('another'));
    handler.onRequestUpgrade(controller, 101, {}, undefined);

    expect([heard, aborted]).toEqual([['start', cause], [cause]]);
  });

  it('(1): tells of no cancel in the midst of the end, and of an error that the end throws', () => {
    const heard: unknown[] = [];
    const context = Context.background.withCancel();
    let isBroken = false;
    const handler = new WatchedHandler(
      {
        onResponseEnd: () => {
          heard.push('end');
          if (isBroken) throw new Error('once more');
          context.cancel();
        },
        onResponseError: (_controller, error) => heard.push(error.message),
      },
      new ContextTie(),
      false,
    );
    handler.watch(context);
    const { controller } = handlerOf();

    isBroken = true;
    expect(() => handler.onResponseEnd(controller, {})).toThrow('once more');
    isBroken = false;
    handler.onResponseEnd(controller, {});
    handler.onResponseError(controller, new Error('late'));

    expect(heard).toEqual(['end', 'end']);
  });

  it('(2): fails at once without a connection, and aborts when there is one', () => {
    const { handler, heard, aborted, controller } = handlerOf();
    const context = Context.background.withCancel();
    handler.watch(context);
    const cause = new Error('left');

    context.cancel(cause);
    expect(heard).toEqual([cause]);

    handler.onRequestStart(controller, {});
    expect([heard, aborted]).toEqual([[cause], [cause]]);
  });

  it('lets go of what is no request any more', () => {
    const { handler, tie, heard, controller } = handlerOf();
    handler.watch(Context.background.withCancel());
    handler.onRequestStart(controller, {});

    handler.onRequestUpgrade(controller, 101, {}, undefined);

    expect([heard, tie.isReleased]).toEqual([['start', 'upgrade'], true]);
  });

  it('leaves a tie that others share to the last of them', () => {
    const { handler, tie, controller } = handlerOf(true);
    handler.watch(Context.background.withCancel());
    handler.onResponseError(controller, new Error('broken'));
    expect(tie.isOver).toBe(false);

    const next = new WatchedHandler({}, tie, true);
    next.watch(Context.background.withCancel());
    next.onResponseEnd(controller, {});
    expect(tie.isReleased).toBe(true);
  });
});
