// The login form: shows what is typed, warns of capital letters, counts a wait down.

const form = document.querySelector("form");
const password = form.elements.password;
const message = document.querySelector("#message");
const caps = document.querySelector("#caps");
const button = form.querySelector("button[type=submit]");

for (const type of ["keydown", "keyup"]) {
  form.addEventListener(type, (event) => {
    if (event.getModifierState) caps.hidden = !event.getModifierState("CapsLock");
  });
}

document.querySelector("#show").addEventListener("click", ({ currentTarget }) => {
  const hidden = password.type === "password";
  password.type = hidden ? "text" : "password";
  currentTarget.setAttribute("aria-pressed", String(hidden));
  password.focus();
});

const text = message.textContent.trim();
message.hidden = !text;
const wait = text.match(/\b(\d+) (?:s|seconds?)\b/);
if (wait) {
  const until = Date.now() + wait[1] * 1000;
  button.disabled = true;
  const timer = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left > 0) {
      message.textContent = text.replace(wait[0], `${left} s`);
      return;
    }
    clearInterval(timer);
    button.disabled = false;
    message.textContent = "You can try again now.";
  }, 250);
}
(form.elements.username.value ? password : form.elements.username).focus();
