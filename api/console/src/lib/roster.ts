/** People on duty, out of the roster's answer. */

export interface OnDuty { role: string; name: string; until: string; phone: string }
type Row = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

function phoneOf(row: Row): string {
  const contacts = (Array.isArray(row.contacts) ? row.contacts : []) as Row[];
  const found = contacts.find(({ channel, address }) => (channel === "voice" || channel === "sms") && address);
  return text(row.phone ?? found?.address);
}

function one(row: Row, role: string): OnDuty {
  const person = (typeof row.person === "object" && row.person ? row.person : row) as Row;
  return {
    role: text(row.role) || role, name: text(person.name) || text(row.person) || text(row.id),
    until: text(row.until), phone: phoneOf(person) || phoneOf(row),
  };
}

/** Rows of {items|now|on_duty|posts: [{role, name|person, until, phone|contacts}]}, or by role: {main: [...]}. */
export function people(body: unknown): OnDuty[] {
  const said = (body ?? {}) as Row;
  const rows = said.items ?? said.now ?? said.on_duty ?? said.posts ?? body;
  if (Array.isArray(rows)) return (rows as Row[]).map((row) => one(row, ""));
  return Object.entries((rows ?? {}) as Row).flatMap(([role, list]) => (Array.isArray(list) ? list : [])
    .map((row: unknown) => one(typeof row === "object" && row ? (row as Row) : { name: row }, role)));
}
