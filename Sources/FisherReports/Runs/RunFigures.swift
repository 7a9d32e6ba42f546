import FisherStudies

/// The figures of how runs went: losses, what their steps did, the information along the way.
struct RunFigures {
    private let result: OptimizerComparison

    init(_ result: OptimizerComparison) { self.result = result }

    /// The curves that these runs have.
    var all: [NamedFigure] {
        let parts = [
            chart("steps", "Validation loss by step", .validation),
            chart(
                "seconds", "Validation loss by time", .validation, against: .seconds,
                note: "Time counts training without evaluation: the steps times the median time of one"
                    + (result.entries.contains { $0.runs.count > 1 } ? ", over the seeds." : ".")),
            chart(
                "accuracy", "Accuracy by step", .measure("accuracy"), called: "accuracy on held-out data, %",
                note: "How often the likeliest class is the right one, on the data of the validation loss."),
            chart("training", "Training loss by step", .training),
            chart("training-seconds", "Training loss by time", .training, against: .seconds),
            chart(
                "gradients", "Norm of the gradient", .gradientNorm,
                note: "Before any clipping, whole model, at the steps before evaluations."),
            chart(
                "learning-rate", "Learning rate", .learningRate,
                note: "That of the rule's first group, at the steps before evaluations."),
            chart(
                "updates", "Size of the steps", .updateToWeight,
                note: "The norm of a step over the norm of the weights, whole model."),
            chart(
                "clips", "Clipping by the rule", .clipFactor,
                note: "max(1, RMS / c), the mean over the tensors; 1 is a step that was not clipped. Rules "
                    + "without a clip are left out."),
            chart(
                "decay", "Weight decay on the least-informed parameters", .decayShare,
                note:
                    "The share of the natural decay's square on the 1 % of each tensor's elements that have "
                    + "the least information, the mean over the tensors; an even decay has about 0.01."),
        ]
        return parts.compactMap(\.self)
    }

    private func chart(
        _ name: String, _ title: String, _ ordinate: LossCurve.Ordinate,
        against abscissa: LossCurve.Abscissa = .step, called axis: String? = nil, note: String? = nil
    ) -> NamedFigure? {
        NamedFigure(
            name, LineChart(result, title: title, ordinate, against: abscissa, called: axis), note: note)
    }

    /// The information along the runs that were looked at.
    var information: NamedFigure? {
        NamedFigure(
            "information", InformationHistory(result),
            note:
                "The true information of an observation on one batch, the same along the run (log.information). "
                + "Largest eigenvalue and effective rank are those of the Gram matrix of its units' gradients, whose "
                + "rows limit them: they compare steps, not models.")
    }

    /// The diagonal of the information along one run.
    static func diagonal(of run: RunRecord, label: String, id: String) -> NamedFigure? {
        NamedFigure(
            id, InformationHistogram(run, label: label),
            note:
                "A column is one measurement. The darker a cell, the larger the share of the parameters whose value lies in "
                + "its half of a power of ten (shade: the square root of the share)."
        )
    }
}
