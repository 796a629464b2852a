(() => {
  // Without a script each mark has its title and is a tab stop; with it, the words stand beside the mark, and arrow keys move.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  const hide = () => { tip.hidden = true; };
  const show = (mark) => {
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    const at = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const wide = document.documentElement.clientWidth - own.width - 8;
    const left = Math.max(8, Math.min(at.left + (at.width - own.width) / 2, wide));
    const top = at.top > own.height + 8 ? at.top - own.height - 6 : at.bottom + 6;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${top + scrollY}px`;
  };
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  for (const chart of document.querySelectorAll("svg.chart")) {
    const marks = [...chart.querySelectorAll(".mark")];
    marks.forEach((mark, at) => {
      mark.querySelector("title").remove();
      mark.tabIndex = at ? -1 : 0;
      mark.addEventListener("pointerenter", () => show(mark));
      mark.addEventListener("pointerleave", hide);
      mark.addEventListener("blur", hide);
      mark.addEventListener("focus", () => {
        marks.forEach((other) => { other.tabIndex = other === mark ? 0 : -1; });
        show(mark);
      });
      mark.addEventListener("keydown", (event) => {
        if (event.key === "Escape") hide();
        if (!(event.key in steps)) return;
        event.preventDefault();
        marks[Math.max(0, Math.min(marks.length - 1, at + steps[event.key]))].focus();
      });
    });
  }
})();
