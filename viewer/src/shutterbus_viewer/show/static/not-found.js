// A camera that is not known yet: look now and then whether it is.

const ASK_MS = 2000;

async function ask() {
  try {
    const answer = await fetch(`/api${location.pathname}`, { redirect: "error", cache: "no-store" });
    if (answer.ok) location.reload();
  } catch {
    // the server is away: the next time will tell
  }
}

if (document.body.dataset.waits === "yes") setInterval(ask, ASK_MS);
