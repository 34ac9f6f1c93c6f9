/** An open page keeps its session alive; when it cannot, it says so in time. */

import { Refused, Unreachable } from "./server.js";

const EVERY = 60; // seconds at most, between two signs of life
const FRAMED = 2; // seconds, where a notebook's cells change the same session
const WARN = 300; // seconds before the session is deleted, or half its life if that is less

/** @param {import("./page.js").Page} page */
export function keepAlive(page) {
  const { state, server, messages, facts } = page;
  const pace = Math.max(1, Math.min(EVERY, facts.session_ttl / 4));
  const framed = window.parent !== window && new URLSearchParams(location.search).has("session");
  let asking = false;
  let ends = Infinity;
  let warned = false;

  const live = async () => {
    const { sid, session } = state;
    if (!sid || !session || asking) return;
    asking = true;
    try {
      const { alive } = await server.ask("alive", { sid }, AbortSignal.timeout(pace * 1000));
      ends = Date.now() + alive.seconds * 1000;
      warned = false;
      if (sid === state.sid && alive.revision > (state.session?.revision ?? 0) && !state.flying) page.ask("look"); // changed in another window
    } catch (error) {
      if (error instanceof Refused && error.status === 404 && sid === state.sid) return page.ask("resume");
      if (error instanceof Unreachable) void server.back();
      const left = (ends - Date.now()) / 1000;
      if (warned || left > Math.min(WARN, facts.session_ttl / 2)) return;
      warned = true;
      const minutes = Math.max(1, Math.round(left / 60));
      messages.say(
        `The server cannot be reached. It deletes this photo in about ${minutes} min: save the project as soon as it is back.`,
        { stays: true },
      );
    } finally {
      asking = false;
    }
  };

  window.setInterval(
    () => {
      if (!framed || !document.hidden) void live();
    },
    (framed ? Math.min(FRAMED, pace) : pace) * 1000,
  );
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void live(); // after a night in a sleeping laptop, say
  });
}
