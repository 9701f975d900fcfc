/** The modules without pages, as one file for the tests in a browser. */

export * from "./lib/actions";
export * from "./lib/alerts";
export * from "./lib/clock";
export * from "./lib/cluster";
export * from "./lib/duty";
export * from "./lib/figures";
export * from "./lib/nearby";
export * from "./lib/params";
export * from "./lib/readings";
export * from "./lib/roster";
export * from "./lib/route";
export * from "./lib/sensors";
export * from "./lib/sse";
export * from "./lib/store";
export * from "./lib/texts";
export { edges } from "./map/cells";
export * from "./lib/bulk";
export * from "./lib/playbook";
export * from "./lib/report";
export { fenceText, inside } from "./lib/rules";
