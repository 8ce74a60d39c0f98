// What HTML cannot: the newest message in sight, Ctrl-Enter, words kept while pages change, the
// counter in the title, notifications, the word that the connection is gone.
(() => {
  const title = document.title;
  const find = (selector) => document.querySelector(selector);

  // The newest message stays in sight, unless somebody has scrolled back.
  let atEnd = true;
  const sought = () => find(".sought");
  const toEnd = () => { const talk = find("#talk"); if (talk && !sought()) talk.scrollTop = talk.scrollHeight; };
  document.addEventListener("scroll", (event) => {
    const talk = find("#talk");
    if (event.target === talk) atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  }, true);

  // Ctrl-Enter sends; a form that is on its way is not sent again by a second click.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("[data-sends]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog") return;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 1500);
  }, true);

  for (const over of ["htmx:after:request", "htmx:finally:request"]) {
    document.addEventListener(over, () => {
      for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    });
  }

  // An unsent answer is still there when its conversation is opened again.
  const kept = (box) => `answer-${box.dataset.kept}`;
  document.addEventListener("input", (event) => {
    const box = event.target;
    if (box.id === "brief") box.setAttribute("hx-morph-skip", "");
    if (!box.dataset?.kept) return;
    if (box.value) sessionStorage.setItem(kept(box), box.value); else sessionStorage.removeItem(kept(box));
  });
  const recall = () => {
    const box = find("[data-kept]");
    if (box && !box.value) box.value = sessionStorage.getItem(kept(box)) ?? "";
  };
  const answered = (box) => { if (box && !box.value) { sessionStorage.removeItem(kept(box)); box.focus(); } };

  // How many need a person: in the title, and as a notification when it becomes more.
  const count = () => Number(find("[data-needs]")?.dataset.needs ?? 0);
  let known = null;
  const showCount = () => {
    const now = count();
    document.title = now ? `(${now}) ${title}` : title;
    if (known !== null && now > known) call();
    known = now;
  };
  const call = async () => {
    const text = find("[data-needs]").textContent.trim();
    try {
      const sound = new AudioContext(), tone = sound.createOscillator();
      tone.connect(sound.destination); tone.frequency.value = 660;
      tone.start(); tone.stop(sound.currentTime + 0.15);
    } catch { /* no sound without a first touch */ }
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const worker = await navigator.serviceWorker?.ready;
    worker?.showNotification(text, { tag: "needs", renotify: true, icon: "/console/static/icon.svg" });
  };
  const asks = () => {
    const button = find("[data-notify]");
    if (!button || !("Notification" in window)) return;
    button.hidden = Notification.permission !== "default";
    button.addEventListener("click", async () => {
      button.hidden = await Notification.requestPermission() !== "default";
    });
  };

  // What an action has changed is in sight, and the keyboard goes on where it was.
  const idOf = (target) => typeof target === "string" ? target.slice(1) : target?.id;
  let acted = false;
  document.addEventListener("htmx:before:request", (event) => {
    acted = event.target?.matches?.("form") ?? false;
    if (acted) find("#fault")?.replaceChildren();
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const id = idOf(event.detail?.ctx?.target);
    if (id === "needs" || event.target?.id === "needs") showCount();
    if (atEnd) toEnd();
    if (id === "why") find("#why-box")?.showModal();
    if (id === "thread") {
      const gone = find("#thread [data-gone=True]"), box = find("[data-kept]");
      if (gone) sessionStorage.removeItem(`answer-${location.pathname.split("/").pop()}`); else answered(box);
    }
    if (acted && document.activeElement === document.body) (find("#text") ?? find("#switch button"))?.focus();
    acted = false;
  });
  document.addEventListener("htmx:error", () => { const box = find("#fault"); box.textContent = box.dataset.unreached; });
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail?.status === 401) {
      location.href = `/console/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
    }
    find("#offline").hidden = false;
  });
  document.addEventListener("htmx:sse:after:connection", () => { find("#offline").hidden = true; });

  // A page in the background lets go of its stream, since a browser has few connections for all of
  // them; one of those in the background keeps one, for who needs a person.
  let release = null;
  const keepWatch = (signal) => navigator.locks?.request("console-background", { signal }, () => new Promise((done) => {
    const stream = new EventSource("/console/live");
    stream.addEventListener("changed-list", () => htmx.trigger("#needs", "look"));
    release = () => { stream.close(); done(); };
  })).catch(() => {});
  let waiting = null;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      waiting = new AbortController();
      keepWatch(waiting.signal);
    } else {
      waiting?.abort(); release?.(); release = null;
    }
  });

  // Escape closes what hangs open in the bar.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll(".who details[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  addEventListener("DOMContentLoaded", () => {
    recall();
    toEnd();
    sought()?.scrollIntoView({ block: "center" });
    asks();
    navigator.serviceWorker?.register("/console/sw.js", { scope: "/console" }).catch(() => {});
  });
})();
