// What must happen before anything else. The server puts it into the head of every page: what is loaded may not arrive.

// On a bad link a module may be missing, and the page would stay empty without a word.
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLScriptElement || target.rel === "stylesheet") {
      setTimeout(() => location.reload(), 2000);
    }
  },
  true, // such errors do not bubble
);

// Light or dark: by the system's choice, or by the visitor's, which is kept in this browser.
(() => {
  const bright = matchMedia("(prefers-color-scheme: light)");
  const root = document.documentElement;

  function chosen() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is blocked: follow the system
    }
  }

  function show() {
    root.dataset.theme = chosen() ?? (bright.matches ? "light" : "dark");
    colour();
  }

  /** Let what the browser draws around the page go with it. */
  function colour() {
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
      meta.media = meta.dataset.theme === root.dataset.theme ? "all" : "not all";
    }
  }

  bright.addEventListener("change", show);
  addEventListener("storage", show); // the switch was used in another tab
  show();

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-action=theme]")) return;
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    colour();
    const bySystem = bright.matches ? "light" : "dark";
    try {
      if (root.dataset.theme === bySystem) localStorage.removeItem("theme");
      else localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // the choice then lasts as long as the page
    }
  });
})();
