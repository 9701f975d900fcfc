/** An incremental parser of text/event-stream (WHATWG HTML, 9.2.6): EventSource cannot send an Authorization header. */

export interface ServerEvent { event: string; data: string; id: string }

export class SseParser {
  lastId = "";
  retryMs: number | null = null;
  private rest = "";
  private first = true;
  private data: string[] = [];
  private event = "";

  /** @param onEvent called for each complete event */
  constructor(private readonly onEvent: (event: ServerEvent) => void) {}

  /** Takes any piece of the stream; lines may be split anywhere, also between CR and LF. */
  push(piece: string): void {
    if (this.first && piece) {
      this.first = false;
      if (piece.charCodeAt(0) === 0xfeff) piece = piece.slice(1);
    }
    const buffer = this.rest + piece;
    let start = 0;
    for (;;) {
      let end = start;
      while (end < buffer.length && buffer[end] !== "\n" && buffer[end] !== "\r") end += 1;
      if (end >= buffer.length) break;
      if (buffer[end] === "\r" && end + 1 === buffer.length) break; // may be the half of CRLF: wait
      this.line(buffer.slice(start, end));
      start = end + (buffer[end] === "\r" && buffer[end + 1] === "\n" ? 2 : 1);
    }
    this.rest = buffer.slice(start);
  }

  private line(line: string): void {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return; // comment: the ping
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  private dispatch(): void {
    if (this.data.length) this.onEvent({ event: this.event || "message", data: this.data.join("\n"), id: this.lastId });
    this.data = [];
    this.event = "";
  }
}

/** Reads a fetch Response to its end; `onBytes` is called for every piece, pings too. */
export async function readEvents(response: Response, onEvent: (event: ServerEvent) => void, onBytes: () => void): Promise<void> {
  if (!response.body) return;
  const parser = new SseParser(onEvent);
  const reader = response.body.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    parser.push(decoder.decode(value, { stream: true }));
  }
}
