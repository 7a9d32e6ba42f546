import FisherInformation

extension RuleOption {
    /// A whole number in a range.
    public static func integer(
        _ name: String, _ path: WritableKeyPath<Rule, Int> & Sendable, in range: ClosedRange<Int>,
        aliases: [String] = [], _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { "\($0[keyPath: path])" },
            parse: { rule, text in
                // A configuration's numbers arrive as doubles.
                guard let value = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }) else {
                    return "is not a whole number"
                }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { rule in
                if range.contains(rule[keyPath: path]) { return nil }
                return range.upperBound == .max
                    ? "must be at least \(range.lowerBound)"
                    : "must lie between \(range.lowerBound) and \(range.upperBound)"
            })
    }
}
