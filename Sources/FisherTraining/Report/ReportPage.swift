/// A page of the report's style around sections.
struct ReportPage {
    let title: String
    let sections: [Markup]

    /// The page's source.
    var source: String {
        let head = Markup.tag(
            "head", [:],
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .tag("meta", ["name": "color-scheme", "content": "light dark"]),
                .tag("title", [:], title),
                .tag("style", [:], [.verbatim(ReportStyle.sheet)]),
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

extension Markup {
    /// A table under titles with their units.
    static func table(_ titles: [(String, String)], _ rows: [Markup], class name: String) -> Markup {
        let heads = titles.map { title, unit in
            Markup.tag("th", ["scope": "col"], [.text(title), .tag("span", ["class": "unit"], unit)])
        }
        return .tag(
            "table", ["class": name],
            [.tag("thead", [:], [.tag("tr", [:], heads)]), .tag("tbody", [:], rows)])
    }

    /// A row of cells, each with its title for narrow pages where it stands before the number.
    static func tableRow(_ cells: [[Markup]], _ titles: [(String, String)], class name: String = "")
        -> Markup
    {
        let marked = zip(cells, titles).enumerated().map { column, pair in
            let title = pair.1.1.isEmpty ? pair.1.0 : "\(pair.1.0), \(pair.1.1)"
            return Markup.tag(column == 0 ? "th" : "td", ["data-title": title], pair.0)
        }
        return name.isEmpty ? .tag("tr", [:], marked) : .tag("tr", ["class": name], marked)
    }

    /// What was run, with what, and how to run it again; `more` are cards after the first two.
    static func configuration(
        _ task: TaskSummary, _ environment: EnvironmentSummary, more: [Markup] = []
    ) -> Markup {
        let system = [
            Setting("swift-fisher", environment.packageVersion),
            Setting("libtorch", environment.engineVersion),
            Setting("processor", environment.processorName),
            Setting("instructions", environment.instructionSet),
            Setting("threads", String(environment.threads)), Setting("date", environment.date),
        ]
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Configuration"),
                .tag(
                    "div", ["class": "cards"],
                    [card("Task", task.settings), card("Environment", system)] + more),
                .tag("h3", [:], "Command"),
                .tag("pre", ["class": "command"], [.tag("code", [:], environment.command)]),
            ])
    }

    /// Names and values under a heading.
    static func card(_ title: String, _ settings: [Setting], style: SeriesStyle? = nil) -> Markup {
        let pairs = settings.map { setting in
            Markup.tag("div", [:], [.tag("dt", [:], setting.name), .tag("dd", [:], setting.value)])
        }
        let heading = (style.map { [$0.swatch] } ?? []) + [.tag("span", [:], title)]
        return .tag("div", ["class": "card"], [.tag("h3", [:], heading), .tag("dl", [:], pairs)])
    }

    /// Who made the page, and where its numbers are.
    static func reportFooter(_ environment: EnvironmentSummary) -> Markup {
        .tag(
            "footer", [:],
            [
                .tag(
                    "p", [:],
                    "Made by swift-fisher \(environment.packageVersion). The numbers are in "
                        + "results.json and results.csv beside this page.")
            ])
    }
}

extension EnvironmentSummary {
    /// The date with a space and without seconds where it is in ISO 8601, else as it is.
    var readableDate: String {
        guard let match = date.firstMatch(of: /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(Z?)/) else {
            return date
        }
        let zone = match.3.isEmpty ? String(date[match.range.upperBound...]) : "UTC"
        return "\(match.1) \(match.2) \(zone)"
    }
}

extension LineChart {
    /// The chart with its legend and remarks.
    func figure(id: String, note: String? = nil) -> Markup {
        var notes = note.map { [$0] } ?? []
        if hasBands && ordinate != .accuracy {
            notes.append(
                "Lines are means over the completed runs, bands reach from the lowest to the highest seed.")
        }
        if hasStrays {
            notes.append("Thin lines are runs that diverged (cross) or were interrupted (ring).")
        }
        if isCut { notes.append("Losses above the vertical axis are cut off.") }
        let legend = curves.map { curve in
            Markup.tag(
                "li", [:],
                [
                    curve.style.swatch, .tag("b", [:], curve.style.letter), .tag("span", [:], curve.label),
                ])
        }
        return .tag(
            "figure", ["class": "curves"],
            [
                .tag("h2", [:], title),
                .tag("ul", ["class": needsLegend ? "legend needed" : "legend"], legend),
                .tag("div", ["class": "canvas"], ChartLayout.all.map { drawing($0, id: "\(id)-\($0.name)") }),
                .tag("figcaption", [:], notes.joined(separator: " ")),
            ])
    }
}

extension DotChart {
    /// The chart with its remark.
    func figure(id: String, note: String) -> Markup {
        .tag(
            "figure", [:],
            [
                .tag("h2", [:], title),
                .tag("div", ["class": "canvas"], ChartLayout.all.map { drawing($0, id: "\(id)-\($0.name)") }),
                .tag("figcaption", [:], note),
            ])
    }
}
