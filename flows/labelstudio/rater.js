// Part of Salon's gateway: shows how far a rater is, invites to breaks, tells the screen's size. Nothing else.
"use strict";
(() => {
  const project = (location.pathname.match(/^\/projects\/(\d+)/) || [])[1];
  if (!project) return;
  const badge = document.createElement("div");
  badge.id = "salon-progress";
  badge.style.cssText = "position:fixed;left:50%;bottom:14px;transform:translateX(-50%);z-index:9999;padding:3px 12px;" +
    "font:13px sans-serif;color:#333;background:#f4f4ef;border:1px solid #ccc;border-radius:12px;pointer-events:none";
  const cover = document.createElement("div");
  cover.id = "salon-cover";
  cover.style.cssText = "display:none;position:fixed;inset:0;z-index:10000;background:#fffffff2;font:18px sans-serif;" +
    "align-items:center;justify-content:center;text-align:center;flex-direction:column;gap:18px";
  const words = document.createElement("p");
  const go = document.createElement("button");
  go.style.cssText = "font:18px sans-serif;padding:10px 24px";
  cover.append(words, go);

  let size = "";
  const tell = () => {
    const now = { width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio };
    if (JSON.stringify(now) === size) return;
    size = JSON.stringify(now);
    fetch("/salon/device", { method: "POST", headers: { "Content-Type": "application/json" }, body: size });
  };
  const cover_with = (text, button, then) => {
    words.textContent = text;
    go.textContent = button;
    go.style.display = button ? "" : "none";
    go.onclick = () => { cover.style.display = "none"; then(); };
    cover.style.display = "flex";
  };
  const look = async () => {
    const answer = await fetch("/salon/progress?project=" + project);
    if (!answer.ok) return;
    const at = await answer.json();
    badge.textContent = at.total ? `${at.done} of ${at.total}` : `${at.done} done`;
    if (at.code) cover_with(`Thank you, that was all. Your completion code: ${at.code}`, "", () => {});
    else if (at.rest) cover_with("You have been rating for a while: take a break of some minutes. Your place is kept.",
      "Go on", () => fetch("/salon/rested", { method: "POST" }));
  };
  const begin = () => {
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
