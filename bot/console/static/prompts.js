// From a fault to its line in the editor.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-line]");
  const source = document.querySelector("#source");
  if (!link || !source) return;
  event.preventDefault();
  const lines = source.value.split("\n"), number = Number(link.dataset.line) - 1;
  const from = lines.slice(0, number).reduce((sum, line) => sum + line.length + 1, 0);
  source.focus();
  source.setSelectionRange(from, from + (lines[number] ?? "").length);
  source.scrollTop = Math.max(0, (number / lines.length) * source.scrollHeight - source.clientHeight / 3);
});
// What was written and not published is not lost by leaving the page.
{
  const source = document.querySelector("#source"), asRead = source?.value;
  let sent = false;
  source?.form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => { if (!sent && source && source.value !== asRead) event.preventDefault(); });
}
