/**
 * A small sign that shows the trace of this page and copies its id. Loaded when somebody asks for it.
 */

/**
 * @param {{trace: () => {trace_id: string}}} api
 * @returns {HTMLElement} the button, which `remove()` takes away
 */
export function show(api) {
  const button = document.createElement("button");
  /** @param {string} text */
  const tell = (text) => (button.textContent = text);
  const rest = () => tell(`trace ${api.trace().trace_id.slice(0, 8)}`);
  // set one by one: a strict policy forbids style attributes, not properties
  Object.assign(button.style, {
    position: "fixed",
    right: "8px",
    bottom: "8px",
    zIndex: "2147483647",
    padding: "4px 8px",
    font: "12px/1.4 ui-monospace, monospace",
    color: "#fff",
    background: "#333",
    border: "0",
    borderRadius: "4px",
    cursor: "pointer",
  });
  button.type = "button";
  button.title = "copy the trace id";
  button.addEventListener("click", async () => {
    const { trace_id } = api.trace();
    try {
      await navigator.clipboard.writeText(trace_id);
      tell("copied");
    } catch {
      tell(trace_id); // no clipboard here: the whole id can be selected
    }
    setTimeout(rest, 2000);
  });
  rest();
  document.body.append(button);
  return button;
}
