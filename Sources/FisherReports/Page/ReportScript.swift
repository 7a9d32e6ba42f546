/// The report's script: it shows the values under the pointer and saves figures; nothing depends on it.
enum ReportScript {
    /// Reads each curve's values from its group and writes them only as text, never as HTML.
    static let source = """

        (() => {
          const make = (name, parent, text) => {
            const node = document.createElement(name);
            if (text !== undefined) node.textContent = text;
            parent.append(node);
            return node;
          };
          const draw = (name, parent, attributes) => {
            const node = document.createElementNS("http://www.w3.org/2000/svg", name);
            for (const key in attributes) node.setAttribute(key, attributes[key]);
            parent.append(node);
            return node;
          };
          const sheet = document.querySelector("style").textContent;
          const save = (blob, name) => {
            const link = make("a", document.body);
            link.href = URL.createObjectURL(blob);
            link.download = name;
            link.click();
            link.remove();
          };
          const alone = chart => {
            const box = chart.viewBox.baseVal;
            const copy = chart.cloneNode(true);
            copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
            copy.setAttribute("width", box.width);
            copy.setAttribute("height", box.height);
            copy.setAttribute("style", "display:block");
            const pointer = copy.querySelector(".pointer");
            if (pointer) pointer.replaceChildren();
            const paper = draw("rect", copy, { width: "100%", height: "100%", fill: "var(--paper)" });
            const style = draw("style", copy, {});
            style.textContent = sheet + "svg{font:13px system-ui,sans-serif}";
            copy.prepend(style, paper);
            return new XMLSerializer().serializeToString(copy);
          };
          for (const figure of document.querySelectorAll("figure")) {
            const bar = make("p", figure);
            bar.className = "exports";
            const name = figure.querySelector("h2").textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-");
            const visible = () => [...figure.querySelectorAll("svg.chart")].find(chart => chart.clientWidth);
            make("button", bar, "Save SVG").onclick = () =>
              save(new Blob([alone(visible())], { type: "image/svg+xml" }), name + ".svg");
            make("button", bar, "Save PNG").onclick = () => {
              const chart = visible();
              const image = new Image();
              image.onload = () => {
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [2 * image.width, 2 * image.height];
                canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
                canvas.toBlob(blob => save(blob, name + ".png"));
              };
              image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(alone(chart));
            };
          }
          for (const figure of document.querySelectorAll("figure.curves")) {
            const canvas = figure.querySelector(".canvas");
            const tip = make("div", canvas);
            tip.className = "tip";
            tip.hidden = true;
            for (const chart of canvas.querySelectorAll("svg.chart")) {
              const pointer = chart.querySelector(".pointer");
              const box = chart.viewBox.baseVal;
              const curves = [...chart.querySelectorAll("g[data-values]")].reverse().map(group => ({
                label: group.dataset.label,
                color: group.getAttribute("style"),
                points: group.dataset.values.split(";").filter(Boolean).map(text => {
                  const [x, y, place, value] = text.split(",");
                  return { x: +x, y: +y, place, value };
                }),
              })).filter(curve => curve.points.length);
              if (!curves.length) continue;
              const hide = () => { tip.hidden = true; pointer.replaceChildren(); };
              const show = event => {
                const frame = chart.getBoundingClientRect();
                const scale = frame.width / box.width;
                const x = (event.clientX - frame.left) / scale;
                const right = Math.max(...curves.map(curve => curve.points[curve.points.length - 1].x));
                if (x > right + 12) return hide();
                const hits = curves.map(curve => ({
                  curve,
                  point: curve.points.reduce((a, b) => Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a),
                }));
                const nearest = hits.reduce((a, b) =>
                  Math.abs(b.point.x - x) < Math.abs(a.point.x - x) ? b : a).point;
                pointer.replaceChildren();
                draw("line", pointer, { x1: nearest.x, x2: nearest.x, y1: 34, y2: box.height - 46 });
                tip.replaceChildren();
                make("b", tip, nearest.place);
                for (const { curve, point } of hits) {
                  if (Math.abs(point.x - nearest.x) > 40) continue;
                  draw("circle", pointer, { cx: point.x, cy: point.y, r: 4, style: curve.color });
                  const row = make("div", tip);
                  const name = make("span", row);
                  make("i", name).style.cssText = curve.color;
                  name.append(curve.label);
                  make("span", row, point.value);
                }
                tip.hidden = false;
                const left = nearest.x * scale;
                const width = tip.offsetWidth;
                const fits = left + 18 + width < canvas.clientWidth;
                tip.style.left = (fits ? left + 18 : Math.max(0, left - 18 - width)) + "px";
                tip.style.top = Math.max(0, 46 * scale) + "px";
              };
              chart.addEventListener("pointermove", show);
              chart.addEventListener("pointerdown", show);
              chart.addEventListener("pointerleave", hide);
            }
          }
        })();

        """
}
