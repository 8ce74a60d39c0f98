/** The dialogs: the line, a new customer, the shop's own phone, and how all forms work. */
import { post } from "./api.js";
import { byId, toast } from "./dom.js";
import { selectedCustomer, state } from "./store.js";

const LINE_LABELS = { ready: "Line ready", disconnected: "Line disconnected", limited: "Line rate limited" };

export function startSheets() {
  startLine();
  byId("add-open").addEventListener("click", startForm("add", addCustomer, suggestNumber));
  byId("take-over").addEventListener("click", startForm("person", writeAsPerson, namePerson));
}

export function drawLine() {
  byId("line-label").textContent = LINE_LABELS[state.line.state] ?? state.line.state;
  byId("line-open").dataset.state = state.line.state;
  byId("line-id").textContent = state.line.id;
  for (const radio of byId("line-sheet").querySelectorAll("input")) {
    radio.checked = radio.value === state.line.state;
  }
}

function startLine() {
  byId("line-open").addEventListener("click", () => byId("line-sheet").showModal());
  byId("line-sheet").addEventListener("change", async (event) => {
    try {
      await post("/line", { state: event.target.value });
    } catch (error) {
      toast(error.message);
      drawLine();
    }
  });
}

/** A sheet with one form: it closes when `submit` succeeds, else it says why not. Returns what opens it. */
export function startForm(name, submit, prepare) {
  const sheet = byId(`${name}-sheet`);
  const form = byId(`${name}-form`);
  const fault = form.querySelector(".fault");
  form.querySelector("[data-close]").addEventListener("click", () => sheet.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await submit(form);
      sheet.close();
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    }
  });
  return () => {
    form.reset();
    fault.hidden = true;
    prepare(form);
    sheet.showModal();
  };
}

async function addCustomer(form) {
  const { address } = await post("/customers", {
    name: form.elements.name.value,
    address: form.elements.address.value.replace(/[\s()-]/g, ""),
  });
  location.hash = encodeURIComponent(address);
}

function suggestNumber(form) {
  let next = 1;
  const number = () => `+1555010${String(next).padStart(4, "0")}`;
  while (state.customers.has(number())) next += 1;
  form.elements.address.value = number();
}

function namePerson() {
  byId("person-to").textContent = selectedCustomer()?.name ?? "";
}

async function writeAsPerson(form) {
  await post("/shop-message", {
    customer: state.selected,
    text: form.elements.text.value,
    tell_text: form.elements.tell.checked,
  });
}
