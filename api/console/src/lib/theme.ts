/** The look: dark for a wall screen, light for an office; remembered. What is drawn by script asks here for its colours. */

import { ref } from "vue";

import { remember } from "./remember";

export type Theme = "dark" | "light";
export const theme = ref<Theme>(remember.get("theme") === "light" ? "light" : "dark");

/** A colour of theme.css as it is now. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function apply(): void {
  document.documentElement.dataset.theme = theme.value;
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", theme.value);
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour("ground"));
}

export function switchTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  remember.set("theme", theme.value);
  apply();
}

/** Keeps the page's look from now on; paper is light. */
export function followTheme(): void {
  apply();
  let before: Theme = theme.value;
  addEventListener("beforeprint", () => { before = theme.value; theme.value = "light"; apply(); });
  addEventListener("afterprint", () => { theme.value = before; apply(); });
}
