/** What the server tells the console once: map tiles, kinds that can be reported, how large a photo may be. */

import type { Api } from "./api";
import type { Pair } from "./types";

export interface Kind { kind: string; title: Pair }
export interface Info { tiles: { url: string; attribution: string } | null; kinds: Record<string, Kind[]>; photo_mb: number }

const NOTHING: Info = { tiles: null, kinds: {}, photo_mb: 8 };
let asked: Promise<Info> | null = null;

/** Asked once a page; a server that does not answer is asked again the next time. */
export function info(api: Api): Promise<Info> {
  asked ??= api.get<Partial<Info>>("console").then((said) => ({ ...NOTHING, ...said }), () => {
    asked = null;
    return NOTHING;
  });
  return asked;
}
