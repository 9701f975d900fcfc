/** Opens the help dialog from anywhere. */

export function openHelp(): void {
  const dialog = document.getElementById("help");
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}
