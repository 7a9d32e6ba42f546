extension OptimizerComparison {
    /// The curves as comma-separated values: one row for each point of each run.
    ///
    /// The columns are optimizer, seed, step, tokens, seconds, training_loss and validation_loss. Fields are
    /// quoted as in RFC 4180; lines end with a line feed; a loss that was not measured is empty, one that is
    /// not finite reads `NaN`, `inf` or `-inf`.
    public func csv() -> String {
        var text = "optimizer,seed,step,tokens,seconds,training_loss,validation_loss\n"
        for entry in entries {
            let label = Self.field(entry.label)
            for run in entry.runs {
                for point in run.curve {
                    text += "\(label),\(run.seed),\(point.step),\(point.tokens),"
                    text += "\(Self.number(point.seconds)),\(Self.number(point.trainingLoss)),"
                    text += "\(Self.number(point.validationLoss))\n"
                }
            }
        }
        return text
    }

    private static func field(_ text: String) -> String {
        let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
        guard text.unicodeScalars.contains(where: special.contains) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    private static func number(_ value: Double?) -> String {
        guard let value else { return "" }
        if value.isFinite { return "\(value)" }
        return value.isNaN ? "NaN" : value > 0 ? "inf" : "-inf"
    }
}
