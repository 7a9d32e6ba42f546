extension ComparisonReport {
    /// What was run, with what, and how to run it again.
    var configuration: Markup {
        let environment = result.environment
        let system = [
            Setting("swift-fisher", environment.packageVersion),
            Setting("libtorch", environment.engineVersion),
            Setting("processor", environment.processorName),
            Setting("instructions", environment.instructionSet),
            Setting("threads", String(environment.threads)), Setting("date", environment.date),
        ]
        let cards = [card("Task", result.task.settings), card("Environment", system)]
        let optimizers = result.entries.enumerated().map { index, entry in
            card(entry.label, [Setting("rule", entry.rule)] + entry.options, style: SeriesStyle(index: index))
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Configuration"),
                .tag("div", ["class": "cards"], cards + optimizers),
                .tag("h3", [:], "Command"),
                .tag("pre", ["class": "command"], [.tag("code", [:], environment.command)]),
            ])
    }

    private func card(_ title: String, _ settings: [Setting], style: SeriesStyle? = nil) -> Markup {
        let pairs = settings.map { setting in
            Markup.tag("div", [:], [.tag("dt", [:], setting.name), .tag("dd", [:], setting.value)])
        }
        let heading = (style.map { [$0.swatch] } ?? []) + [.tag("span", [:], title)]
        return .tag("div", ["class": "card"], [.tag("h3", [:], heading), .tag("dl", [:], pairs)])
    }
}
