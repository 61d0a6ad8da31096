// Part of Salon's gateway: shows how far a rater is, submits an answer that is complete, moves the slider by keys,
// invites to breaks, tells the screen's size. Nothing else.
"use strict";
(() => {
  const project = (location.pathname.match(/^\/projects\/(\d+)/) || [])[1];
  if (!project) return;

  // -- what is shown ------------------------------------------------------------------------------------------------
  const style = document.createElement("style");
  // What Label Studio's menu leads to is not open to raters. Its messages come up in the empty middle of the header:
  // at the foot they would lie over the count and the answers.
  style.textContent = ".lsf-hamburger { display: none !important } .lsf-menu-header__trigger { pointer-events: none }" +
    " [class*=toast-viewport] { top: 4px !important; bottom: auto !important }";
  const badge = document.createElement("div");
  badge.id = "salon-progress";
  badge.style.cssText = "position:fixed;left:50%;bottom:14px;transform:translateX(-50%);z-index:9999;padding:3px 12px;" +
    "font:13px sans-serif;color:#333;background:#f4f4ef;border:1px solid #ccc;border-radius:12px;pointer-events:none";
  const cover = document.createElement("div");
  cover.id = "salon-cover";
  cover.style.cssText = "display:none;position:fixed;inset:0;z-index:10000;background:#fffffff2;font:18px sans-serif;" +
    "align-items:center;justify-content:center;text-align:center;flex-direction:column;gap:18px;padding:0 10vw";
  const words = document.createElement("p");
  const go = document.createElement("button");
  go.style.cssText = "font:18px sans-serif;padding:10px 24px;min-height:48px";
  cover.append(words, go);

  let size = "";
  const tell = () => {
    const now = { width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio };
    if (JSON.stringify(now) === size) return;
    size = JSON.stringify(now);
    fetched("/salon/device", { method: "POST", headers: { "Content-Type": "application/json" }, body: size });
  };
  const cover_with = (text, button, then) => {
    words.textContent = text;
    go.textContent = button;
    go.style.display = button ? "" : "none";
    go.onclick = () => { cover.style.display = "none"; then(); };
    cover.style.display = "flex";
    if (button) setTimeout(() => go.focus(), 1000);  // not at once: a key meant for a photo must not end a break
  };
  const is_covered = () => cover.style.display === "flex";
  // Nothing behind the cover takes a key.
  addEventListener("keydown", event => {
    if (!is_covered()) return;
    event.stopImmediatePropagation();
    if (event.target !== go) event.preventDefault();
  }, true);
  let one_touch = false;
  const look = async () => {
    const answer = await fetched("/salon/progress?project=" + project);
    if (!answer.ok) return;
    const at = await answer.json();
    one_touch = at.one_touch;
    badge.textContent = (at.practice ? "Practice: " : "") + (at.total ? `${at.done} of ${at.total}` : `${at.done} done`) +
      (one_touch ? "  ·  one touch each, ‹ goes back" : "");
    if (at.code) cover_with(`Thank you, that was all. Your completion code: ${at.code}`, "", () => {});
    else if (at.next) cover_with("That was the practice. From now on your answers count.", "Go on",
      () => { location.href = at.next; });
    else if (at.held) cover_with("Other raters have the last photos at the moment. What they leave is for you: please " +
      "look again in some minutes. Your place is kept.", "Look again", () => location.reload());
    else if (at.rest) cover_with("You have been rating for a while: take a break of some minutes. Your place is kept.",
      "Go on", () => fetched("/salon/rested", { method: "POST" }));
  };

  // -- one touch a photo --------------------------------------------------------------------------------------------
  // Where one question is asked, its answer is the whole answer: it is submitted at once. Until the next photo is
  // there, keys and taps that belong to the last one are dropped: a double press must not rate a photo unseen.
  const PATIENCE_MS = 15000;
  let sent_at = 0;
  let pictures = "";
  const shown = () => [...document.querySelectorAll(".salon-picture img")]
    .filter(image => image.complete && image.naturalWidth > 0).map(image => image.src).join();
  const is_waiting = () => {
    if (!sent_at) return false;
    const now = shown();
    if ((now && now !== pictures) || performance.now() - sent_at > PATIENCE_MS) sent_at = 0;
    return sent_at > 0;
  };
  const in_answers = event => event.target instanceof Element && event.target.closest(".salon-answers, .salon-problem");
  const is_typing = event => event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea");
  const hold = event => {
    if (!one_touch || !event.isTrusted || !is_waiting()) return false;
    event.preventDefault();
    event.stopImmediatePropagation();
    return true;
  };
  const submit_soon = () => {
    let tries = 0;
    const attempt = () => {
      const button = document.querySelector(".lsf-controls button[name=submit], .lsf-controls button[name=update]");
      if (document.querySelector(".salon input:checked") && button && !button.disabled) {
        pictures = shown();
        sent_at = performance.now();
        button.click();
      } else if (++tries < 20) setTimeout(attempt, 25);
    };
    setTimeout(attempt, 0);
  };
  addEventListener("keydown", event => {
    if (hold(event) || !one_touch || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (/^[0-9qwr]$/.test(event.key) && !is_typing(event) && !is_covered()) submit_soon();
  }, true);
  addEventListener("click", event => {
    if (!one_touch || !event.isTrusted || !in_answers(event)) return;
    if (!hold(event)) submit_soon();
  }, true);

  // -- the slider by keyboard ---------------------------------------------------------------------------------------
  // A slider that has the focus takes all keys for itself, Label Studio's own too. So it never keeps the focus, and is
  // moved from here: a digit goes to that tenth of the scale, arrows go by one, page keys by ten. Enter submits.
  const slider = () => document.querySelector(".salon-slider input[type=range]");
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const move_to = (input, value) => {
    write.call(input, String(Math.min(Math.max(Math.round(value), Number(input.min)), Number(input.max))));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
  addEventListener("keydown", event => {
    const input = slider();
    if (!input || event.ctrlKey || event.metaKey || event.altKey) return;
    if (is_typing(event) && event.target !== input) return;
    const low = Number(input.min), high = Number(input.max);
    if (/^[0-9]$/.test(event.key)) move_to(input, low + (high - low) * Number(event.key) / 10);
    else if (event.key in STEPS) move_to(input, Number(input.value) + STEPS[event.key]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  addEventListener("pointerup", () => { const input = slider(); if (input) setTimeout(() => input.blur(), 0); }, true);
  addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.repeat) return;
    if (one_touch || (is_typing(event) && event.target !== slider())) return;
    const button = document.querySelector(".lsf-controls button[name=submit], .lsf-controls button[name=update]");
    if (button && !button.disabled && !document.querySelector(".ant-modal-wrap, [role=dialog]")) button.click();
  }, true);

  // -- beginning ----------------------------------------------------------------------------------------------------
  const begin = () => {
    document.head.append(style);
    document.body.append(badge, cover);
    tell();
    look();
    addEventListener("resize", tell);
    addEventListener("salon-submitted", () => setTimeout(look, 300));
  };
  // The page submits over fetch: after each answer the count is renewed.
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    const url = String(asked[0] && asked[0].url ? asked[0].url : asked[0]);
    const method = String((asked[1] && asked[1].method) || (asked[0] && asked[0].method) || "GET");
    if (method === "POST" && /\/annotations|next_task/.test(url)) dispatchEvent(new Event("salon-submitted"));
    return answer;
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", begin) : begin();
})();
