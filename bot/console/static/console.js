// What HTML cannot: the newest message in sight, Ctrl-Enter, the counter in the title, notifications.
(() => {
  const title = document.title;
  const talk = () => document.querySelector("#talk");
  let atEnd = true;

  const sought = () => document.querySelector(".sought");
  const toEnd = () => { const t = talk(); if (t && !sought()) t.scrollTop = t.scrollHeight; };
  const count = () => Number(document.querySelector("[data-needs]")?.dataset.needs ?? 0);
  let known = count();

  const showCount = () => {
    const now = count();
    document.title = now ? `(${now}) ${title}` : title;
    if (now > known && document.hidden) call();
    known = now;
  };

  const call = () => {
    if ("Notification" in window && Notification.permission === "granted") {
      new Notification(document.querySelector("[data-needs]").textContent.trim(), { tag: "needs" });
    }
    try {
      const sound = new AudioContext(), tone = sound.createOscillator();
      tone.connect(sound.destination); tone.frequency.value = 660;
      tone.start(); tone.stop(sound.currentTime + 0.15);
    } catch { /* no sound without a first touch */ }
  };

  document.addEventListener("scroll", (event) => {
    const t = talk();
    if (event.target === t) atEnd = t.scrollHeight - t.scrollTop - t.clientHeight < 80;
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("[data-sends]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });

  // A form that is on its way is not sent again by a second click.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 1500);
  }, true);

  document.addEventListener("click", () => {
    if ("Notification" in window && Notification.permission === "default") Notification.requestPermission();
  }, { once: true });

  document.addEventListener("htmx:after:swap", () => {
    showCount();
    if (atEnd) toEnd();
  });

  addEventListener("DOMContentLoaded", () => { showCount(); toEnd(); sought()?.scrollIntoView({ block: "center" }); });
})();
