import FisherStudies

extension HierarchyComparison: ReportedStudy {
    /// The hierarchy as one self-contained HTML page, readable without a network and without scripts.
    public func report() -> String {
        ReportPage(
            title: "\(task.name): the hierarchy of optimizers",
            [
                .opening(
                    "From the identity to the whole Fisher information", title: task.name,
                    description: task.description),
                .section("Levels", [.table(overview)], notes: [legend]),
                .configuration(task, environment), .footer(environment),
            ]
        ).source
    }
}
