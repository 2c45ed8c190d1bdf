/** From a call to a message in the queue, with the visitor and the session that it belongs to. */
import { uuid } from "./ids";
import { encode } from "./json";
import { assign, attempt, log, now, since } from "./natives";
import { mayStore, options } from "./options";
import { calledMs, context } from "./place";
import { enqueue } from "./queue";
import { isSilent, wake } from "./transport";
import type { Bag, Kind, Message, TrackOptions } from "./types";
import { Field, refreshVisitor, save, visitor } from "./visitor";

const enum Time {
  DayMs = 86400000,
}
const LIBRARY = "tag/1.0.0";

/** Queues the message as it is now; again with the same id, it replaces the one that still waits. */
export const put = (message: Message, extra: TrackOptions): void => {
  let text = encode(message);
  if (options.before_send) {
    // A copy: what the hook changes must not be changed again when the message is put twice.
    const changed = options.before_send(JSON.parse(text));
    if (!changed) return log("dropped", text);
    text = encode(changed);
  }
  if (!isSilent()) wake(enqueue(message.message_id, text, extra.callback));
};

/** Makes a message of the visitor and puts it. name: the event's, or with a userId the message's type. */
const tell = (name: string, properties: unknown, extra?: TrackOptions, userId?: unknown): Message => {
  extra = extra || {};
  const message: Message = {
    type: userId ? (name as Kind) : "track",
    event: userId ? undefined : name,
    message_id: uuid(),
    tracking_id: visitor[Field.TrackingId],
    user_id: userId,
    session_id: visitor[Field.SessionId] || undefined,
    timestamp: extra.timestamp || calledMs,
    properties: assign(assign({} as Bag, !userId && options.default_properties), properties),
    context,
    source: options.source,
    library: LIBRARY,
  };
  visitor[Field.Count]++;
  // A hook of the shop that fails loses this message alone.
  attempt(() => put(message, extra!));
  return message;
};

/** Ends the open session at its last event, however long ago; does nothing where none is open. */
export const endSession = (): void => {
  const timestamp = +visitor[Field.SeenMs];
  if (visitor[Field.SessionId]) {
    tell("session_end", { duration: Math.round((timestamp - visitor[Field.StartedMs]) / 1000) }, { timestamp });
    visitor[Field.SessionId] = "";
  }
};

/**
 * Makes sure of visitor and session: first sight and a session's begin are told before what happens now.
 *
 * isOpening: a new session, even where one is open.
 */
export const meet = (isOpening?: boolean): void => {
  refreshVisitor();
  const isNew = visitor[Field.Count] == 0;
  const isBeginning =
    isOpening ||
    (options.automatic_session_tracking &&
      (!visitor[Field.SessionId] ||
        since(visitor[Field.SeenMs]) > options.session_timeout * 1000 ||
        since(visitor[Field.StartedMs]) > Time.DayMs));
  // A visitor without a lasting id is new on every page: these would count pages.
  if (mayStore()) {
    if (isBeginning) {
      endSession();
      visitor[Field.SessionId] = uuid();
      visitor[Field.StartedMs] = now();
      tell("session_start", 0);
    }
    if (isNew) tell("installation", 0);
  }
  visitor[Field.SeenMs] = now();
  save(isBeginning);
};

export const record = (name: string, properties?: unknown, extra?: TrackOptions, userId?: unknown): Message => {
  meet();
  return tell(name, properties, extra, userId);
};
