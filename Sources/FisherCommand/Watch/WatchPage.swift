import FisherStudies
import Foundation

/// A report's page with a line above it that says how far the work is, and a script that keeps both up to date.
enum WatchPage {
    /// Adds line and script to a page.
    ///
    /// - Parameters:
    ///   - page: the page.
    ///   - version: the version of what it shows.
    static func live(_ page: String, version: String) -> String {
        guard let head = page.range(of: "</head>"), let end = page.range(of: "</body>", options: .backwards),
            let body = page.range(of: "<body>", range: head.upperBound..<page.endIndex)
        else { return page }
        var live = String(page[..<head.lowerBound])
        live += "<style>\(style)</style>"
        live += page[head.lowerBound..<body.upperBound]
        live += "<div id=\"watch\" role=\"status\" data-version=\"\(escaped(version))\"></div>"
        live += page[body.upperBound..<end.lowerBound]
        live += "<script id=\"watch-script\">\(script)</script>"
        live += page[end.lowerBound...]
        return live
    }

    /// A page of a sentence alone, until there is something to report on.
    static func empty(_ text: String, version: String) -> String {
        live(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                + "<meta name=\"color-scheme\" content=\"light dark\"><title>fisher watch</title>"
                + "<style>body{font:16px system-ui,sans-serif;margin:4rem 1.5rem}</style></head>"
                + "<body><main><p>\(escaped(text))</p></main></body></html>\n", version: version)
    }

    private static func escaped(_ text: String) -> String {
        text.printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
            "\"", with: "&quot;")
    }

    private static let style = """
        #watch{position:sticky;top:0;z-index:9;padding:.5rem 1rem;font:14px system-ui,sans-serif;color:#fff;\
        background:#345;overflow-wrap:anywhere}#watch.running{background:#05659a}#watch.ended{background:#1b6e3c}\
        #watch.stopped,#watch.lost{background:#96330b}html{overflow-anchor:none}
        """

    /// It asks for the state once a second, and for the page when its version is another. The page's content is replaced in
    /// place: the section at the window's upper edge stays there, whatever grew above it; boxes stay scrolled and what was
    /// opened stays open. The page's own script is run for it anew.
    private static let script = """

        (() => {
          const line = document.getElementById("watch");
          let version = line.dataset.version;
          const parts = () => [...document.querySelectorAll("main > *")];
          const title = part => part.querySelector("h1, h2")?.textContent ?? "";
          const top = part => part.getBoundingClientRect().top;
          const boxes = () => [...document.querySelectorAll("main .scrolled")];
          const show = (phase, text) => {
            line.className = phase;
            if (line.textContent !== text) line.textContent = text;
          };
          const replace = async () => {
            const answer = await fetch("/", { cache: "no-store" });
            if (!answer.ok) throw new Error();
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const open = [...document.querySelectorAll("main details")].map(part => part.open);
            const place = [scrollX, scrollY];
            const upper = parts().find(part => part.getBoundingClientRect().bottom > line.offsetHeight);
            const [name, height] = upper ? [title(upper), top(upper)] : [];
            const lefts = boxes().map(box => box.scrollLeft);
            document.querySelector("main").replaceWith(document.importNode(page.querySelector("main"), true));
            document.title = page.title;
            const sheets = [...page.querySelectorAll("head style")];
            [...document.querySelectorAll("head style")].forEach(sheet => sheet.remove());
            sheets.forEach(sheet => document.head.append(document.importNode(sheet, true)));
            document.querySelectorAll("main details").forEach((part, place) => {
              if (open[place] !== undefined) part.open = open[place];
            });
            const own = page.querySelector("body > script:not(#watch-script)");
            if (own) {
              const script = document.createElement("script");
              script.textContent = own.textContent;
              document.body.append(script);
              script.remove();
            }
            boxes().forEach((box, place) => { box.scrollLeft = lefts[place] ?? 0; });
            scrollTo(...place);
            const same = name && parts().find(part => title(part) === name);
            if (same && place[1] > 0) scrollBy(0, top(same) - height);
            version = page.getElementById("watch").dataset.version;
          };
          const ask = async () => {
            try {
              const state = await (await fetch("/state.json", { cache: "no-store" })).json();
              if (version !== state.version) await replace();
              show(state.phase, state.text);
            } catch {
              show("lost", "fisher watch has ended: this page is not updated any more.");
            }
            setTimeout(ask, document.hidden ? 5000 : 1000);
          };
          ask();
        })();

        """
}
