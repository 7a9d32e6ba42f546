import FisherStudies
import Foundation

/// A page of the reports' style: a self-contained list of sections.
///
/// A section is made by the builders below: `opening`, `section`, `table`, `configuration`, `footer`; figures make
/// their own (`Figure.figure`).
struct ReportPage {
    /// The title that a browser shows.
    let title: String
    /// Styles of its own, after the reports' style sheet.
    var style = ""
    /// The sections from top to bottom.
    let sections: [Markup]

    /// A page of the sections that are not nil.
    init(title: String, style: String = "", _ sections: [Markup?]) {
        self.title = title
        self.style = style
        self.sections = sections.compactMap(\.self)
    }

    /// The page's source.
    var source: String {
        let head = Markup.tag(
            "head", [:],
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .tag("meta", ["name": "color-scheme", "content": "light dark"]),
                .tag("title", [:], title),
                .tag("style", [:], [.verbatim(ReportStyle.sheet + style)]),
            ])
        let body = Markup.tag(
            "body", [:],
            [
                .tag("main", [:], sections),
                .tag("script", [:], [.verbatim(ReportScript.source)]),
            ])
        return "<!DOCTYPE html>\n" + Markup.tag("html", ["lang": "en"], [head, body]).rendered + "\n"
    }
}

// Sections.
extension Markup {
    /// The head of a page: a line above the title, the subject, the result in a sentence, a few numbers.
    static func opening(
        _ eyebrow: String, title: String, description: String, headline: String = "", facts: [String] = []
    ) -> Markup {
        let facts = facts.filter { !$0.isEmpty }
        let parts: [Markup?] = [
            .tag("p", ["class": "eyebrow"], eyebrow), .tag("h1", [:], title),
            .tag("p", ["class": "description"], description),
            headline.isEmpty ? nil : .tag("p", ["class": "headline"], headline),
            facts.isEmpty ? nil : .tag("p", ["class": "facts"], facts.map { .tag("span", [:], $0) }),
        ]
        return .tag("header", [:], parts.compactMap(\.self))
    }

    /// A heading, its content, and remarks.
    static func section(_ title: String, _ content: [Markup], notes: [String] = []) -> Markup {
        let notes = notes.filter { !$0.isEmpty }
        return .tag(
            "section", [:],
            [.tag("h2", [:], title)] + content + notes.map { .tag("p", ["class": "note"], $0) })
    }

    /// Warnings for the reader; nil if there are none.
    static func warnings(_ warnings: [String]) -> Markup? {
        guard !warnings.isEmpty else { return nil }
        return .tag(
            "ul", ["class": "warnings"],
            warnings.map { .tag("li", [:], $0.prefix(1).uppercased() + $0.dropFirst()) })
    }

    /// The task, the environment, and the command that repeats the run; `more` are cards after the first two.
    static func configuration(
        _ task: TaskSummary, _ environment: EnvironmentSummary, called name: String = "Task",
        more: [Markup] = []
    ) -> Markup {
        let system = [
            Setting("swift-fisher", environment.packageVersion),
            Setting("libtorch", environment.engineVersion),
            Setting("processor", environment.processorName),
            Setting("device", environment.device ?? "cpu"),
            Setting("instructions", environment.instructionSet),
            Setting("products", environment.products ?? "engine"),
            Setting(
                "threads", String(environment.threads) + (environment.threadChoice.map { " (\($0))" } ?? "")),
            Setting("date", environment.date),
        ]
        let cards = [card(name, task.settings), card("Environment", system)] + more
        return .section(
            "Configuration",
            [
                .tag("div", ["class": "cards"], cards), .tag("h3", [:], "Command"),
                .tag("pre", ["class": "command"], [.tag("code", [:], command(environment.command))]),
            ])
    }

    /// Names and values under a heading.
    static func card(_ title: String, _ settings: [Setting], style: SeriesStyle? = nil) -> Markup {
        let pairs = settings.map { setting in
            Markup.tag(
                "div", [:], [.tag("dt", [:], setting.name), .tag("dd", [:], breakable(setting.value))])
        }
        let heading = (style.map { [$0.swatch] } ?? []) + [.tag("span", [:], title)]
        return .tag("div", ["class": "card"], [.tag("h3", [:], heading), .tag("dl", [:], pairs)])
    }

    /// A text that is broken after the slashes of its paths rather than within a name.
    private static func breakable(_ text: String) -> [Markup] {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.enumerated().flatMap { place, part -> [Markup] in
            if place == parts.count - 1 { return [.text(String(part))] }
            return part.isEmpty ? [.text("/")] : [.text(part + "/"), .tag("wbr", [:], [])]
        }
    }

    /// A command line, whose flags are not broken at their hyphens.
    private static func command(_ line: String) -> [Markup] {
        line.split(separator: " ", omittingEmptySubsequences: false).enumerated().flatMap { place, word in
            let isFlag = word.wholeMatch(of: /--?[a-z][-a-z]*/) != nil
            let part: Markup =
                isFlag ? .tag("span", ["class": "flag"], String(word)) : .text(String(word))
            return place == 0 ? [part] : [.text(" "), part]
        }
    }

    /// The last lines of a page.
    static func footer(_ text: String) -> Markup { .tag("footer", [:], [.tag("p", [:], text)]) }

    /// The software that made the runs, and where the numbers are.
    static func footer(_ environment: EnvironmentSummary, _ source: String?) -> Markup {
        .footer("Made by swift-fisher \(environment.packageVersion)." + (source.map { " " + $0 } ?? ""))
    }
}

extension EnvironmentSummary {
    /// The date with a space and without seconds if it is in ISO 8601, else as it is.
    var readableDate: String {
        guard let match = date.firstMatch(of: /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(Z?)/) else {
            return date
        }
        let zone = match.3.isEmpty ? String(date[match.range.upperBound...]) : "UTC"
        return "\(match.1) \(match.2) \(zone)"
    }
}
