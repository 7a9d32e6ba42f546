extension ComparisonReport {
    /// What was run, with what, and how to run it again.
    var configuration: Markup {
        let optimizers = result.entries.enumerated().map { index, entry in
            Markup.card(
                entry.label, [Setting("rule", entry.rule)] + entry.options, style: SeriesStyle(index: index))
        }
        return .configuration(result.task, result.environment, more: optimizers)
    }
}
