/** Marks that would lie on each other become one with their number. */

export interface Placed<T> { x: number; y: number; item: T }
export interface Group<T> { x: number; y: number; items: T[] }

/**
 * Groups points nearer than `near` to the first of a group; the order given is the order of urgency, so a group lies where
 * its most urgent member is. `alone` keeps an item out of any group. A grid of `near` makes it linear.
 */
export function cluster<T>(points: Placed<T>[], near: number, alone: (item: T) => boolean = () => false): Group<T>[] {
  const cells = new Map<string, Group<T>[]>();
  const groups: Group<T>[] = [];
  for (const { x, y, item } of points) {
    const [column, row] = [Math.floor(x / near), Math.floor(y / near)];
    const single = alone(item);
    const found = single ? undefined : neighbour(cells, column, row, x, y, near);
    if (found) {
      found.items.push(item);
      continue;
    }
    const group = { x, y, items: [item] };
    groups.push(group);
    if (single) continue;
    const key = `${column}:${row}`;
    cells.set(key, [...(cells.get(key) ?? []), group]);
  }
  return groups;
}

function neighbour<T>(cells: Map<string, Group<T>[]>, column: number, row: number, x: number, y: number, near: number): Group<T> | undefined {
  for (let dx = -1; dx <= 1; dx += 1) {
    for (let dy = -1; dy <= 1; dy += 1) {
      const found = cells.get(`${column + dx}:${row + dy}`)?.find((group) => Math.hypot(group.x - x, group.y - y) < near);
      if (found) return found;
    }
  }
  return undefined;
}
