/**
 * Asking the server: plain POST of JSON, uploads with their progress, and one long answer line by line.
 *
 * A server that is busy says when to come back, and is asked again. One that cannot be reached is waited for: whoever
 * asked learns of it as `Unreachable`, and `back()` resolves when it answers again.
 *
 * @typedef {Record<string, any>} Json
 */

const BUSY_TRIES = 6;
const LOOK_AFTER = 1500; // milliseconds without an answer after which it is seen whether the server is still there
const LOOK_EVERY = 1500;
const LOOK_LIMIT = 2000;

/** The server said no, in one sentence for people. */
export class Refused extends Error {
  /**
   * @param {string} sentence
   * @param {number} status
   * @param {number} [retryAfter] seconds
   * @param {string} [field] what is to be changed
   */
  constructor(sentence, status, retryAfter, field = "") {
    super(sentence);
    this.status = status;
    this.retryAfter = retryAfter;
    this.field = field;
  }
}

/** There was no answer. */
export class Unreachable extends Error {}

/** Somebody here gave up. */
export class Stopped extends Error {}

const BROKEN = "Something went wrong on the server, and nothing was changed. Try again.";

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Server {
  /**
   * @param {string} folder the address of what the page asks, with a slash at its end
   * @param {(away: boolean) => void} told when the server cannot be reached, and when it is back
   */
  constructor(folder, told) {
    this.folder = folder;
    this.told = told;
    this.away = false;
    /** @type {Promise<void> | null} */
    this.waiting = null;
  }

  /**
   * The reply to a question. Raises Refused, Unreachable, Stopped.
   * @param {string} verb
   * @param {Json} args
   * @param {AbortSignal} [signal] gives up
   * @returns {Promise<Json>}
   */
  async ask(verb, args, signal) {
    return this.patiently(signal, async () => {
      const reply = await this.post(verb, JSON.stringify(args), signal);
      return reply.json();
    });
  }

  /**
   * The same, with a file; `progress` is told the fraction that was sent.
   * @param {string} verb
   * @param {Json} args
   * @param {File} file
   * @param {(fraction: number) => void} progress
   * @param {AbortSignal} [signal]
   * @returns {Promise<Json>}
   */
  async send(verb, args, file, progress, signal) {
    return this.patiently(signal, () => {
      const form = new FormData();
      form.append("ask", JSON.stringify(args));
      form.append("file", file, file.name);
      return upload(this.folder + verb, form, progress, signal);
    });
  }

  /**
   * The last line of a long answer; `news` is told every line before it.
   * @param {string} verb
   * @param {Json} args
   * @param {(line: Json) => void} news
   * @param {AbortSignal} [signal]
   * @returns {Promise<Json>}
   */
  async follow(verb, args, news, signal) {
    return this.patiently(signal, async () => {
      const response = await this.post(verb, JSON.stringify(args), signal);
      if (!response.body) throw new Unreachable();
      const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      /** @type {Json | null} */
      let last = null;
      try {
        for (;;) {
          const { value, done } = await lines.read();
          const parts = (text + (value ?? "")).split("\n");
          text = parts.pop() ?? "";
          for (const part of parts) {
            last = JSON.parse(part);
            if (last && "fraction" in last) news(last);
          }
          if (done) break;
        }
      } catch (error) {
        throw stopped(signal) ?? new Unreachable(String(error));
      }
      if (!last || "fraction" in last) throw new Unreachable();
      if (typeof last.detail === "string") throw new Refused(last.detail, 500);
      return last;
    });
  }

  /** Resolves when the server answers again. */
  back() {
    this.waiting ??= this.wait();
    return this.waiting;
  }

  async wait() {
    this.tell(true);
    while (!(await this.answers())) await pause(LOOK_EVERY);
    this.waiting = null;
    this.tell(false);
  }

  /** @param {boolean} away */
  tell(away) {
    if (away === this.away) return;
    this.away = away;
    this.told(away);
  }

  /** Whether the server is there at all. */
  async answers() {
    try {
      const response = await fetch(new URL("../api/health", this.folder), {
        signal: AbortSignal.timeout(LOOK_LIMIT),
        cache: "no-store",
      });
      return response.ok;
    } catch {
      return false;
    }
  }

  /**
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {() => Promise<T>} attempt
   * @returns {Promise<T>}
   */
  async patiently(signal, attempt) {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (signal?.aborted) throw new Stopped();
        if (!(error instanceof Refused) || !error.retryAfter || tries >= BUSY_TRIES) throw error;
        await pause(Math.min(error.retryAfter, 15) * 1000);
      }
    }
  }

  /**
   * @param {string} verb
   * @param {string} body
   * @param {AbortSignal} [signal]
   */
  async post(verb, body, signal) {
    const lost = new AbortController();
    const watch = this.watch(() => lost.abort());
    const both = signal ? AbortSignal.any([signal, lost.signal]) : lost.signal;
    let response;
    try {
      const headers = { "Content-Type": "application/json" };
      response = await fetch(this.folder + verb, { method: "POST", body, headers, signal: both });
    } catch (error) {
      throw stopped(signal) ?? new Unreachable(String(error));
    } finally {
      watch.stop();
    }
    if (response.ok) return response;
    throw refusal(response.status, await response.text().catch(() => ""), (name) => response.headers.get(name));
  }

  /**
   * See, while an answer is waited for, whether the server is still there. When it was not and is again, its answer to
   * this question is lost.
   * @param {() => void} lost
   */
  watch(lost) {
    let over = false;
    const look = async () => {
      let missed = false;
      await pause(LOOK_AFTER);
      while (!over) {
        const there = await this.answers();
        if (over) return;
        if (there && missed) return lost();
        missed ||= !there;
        if (!there) void this.back();
        await pause(LOOK_EVERY);
      }
    };
    void look();
    return { stop: () => (over = true) };
  }
}

/** @param {AbortSignal} [signal] */
const stopped = (signal) => (signal?.aborted ? new Stopped() : null);

/**
 * What a status that is no success means. A proxy whose server is gone has a page of its own, not our sentence.
 * @param {number} status
 * @param {string} text
 * @param {(name: string) => string | null} header
 */
function refusal(status, text, header) {
  let detail = "";
  try {
    detail = String(JSON.parse(text).detail ?? "");
  } catch {
    // no answer of ours
  }
  if (status === 401) return new Refused("You are signed out. Reload the page to sign in again.", status);
  if (!detail && [502, 503, 504].includes(status)) return new Unreachable();
  if (!detail && status === 413) return new Refused("This file is larger than the server takes.", status);
  const wait = [429, 503].includes(status) ? Number(header("Retry-After")) || undefined : undefined;
  return new Refused(detail || BROKEN, status, wait, header("X-Error-Field") ?? "");
}

/**
 * fetch does not tell how much of a file was sent; XMLHttpRequest does.
 * @param {string} address
 * @param {FormData} form
 * @param {(fraction: number) => void} progress
 * @param {AbortSignal} [signal]
 * @returns {Promise<Json>}
 */
function upload(address, form, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onerror = () => reject(new Unreachable());
    request.onabort = () => reject(new Stopped());
    request.onload = () => {
      if (request.status !== 200)
        return reject(refusal(request.status, request.responseText, (name) => request.getResponseHeader(name)));
      try {
        resolve(JSON.parse(request.responseText));
      } catch {
        reject(new Refused(BROKEN, request.status));
      }
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
