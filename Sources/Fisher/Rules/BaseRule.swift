import FisherOptions

/// A rule that another rule uses, by its name in the registry: with its published defaults, at a learning
/// rate.
///
/// As an option it is written `fadam` in configurations and `.fadam` in programs; `BaseRule(MyRule.self)` is a rule of
/// your own.
public struct BaseRule: OptionValue {
    /// The rule.
    public let type: any OptimizationRule.Type

    /// Names a rule by its type, whether it is registered or not.
    public init<Rule: OptimizationRule>(_ type: Rule.Type) { self.type = type }

    /// Steepest descent.
    public static let sgd = BaseRule(SGD.self)
    /// Adagrad.
    public static let adagrad = BaseRule(Adagrad.self)
    /// RMSProp.
    public static let rmsprop = BaseRule(RMSProp.self)
    /// Adam.
    public static let adam = BaseRule(Adam.self)
    /// AdamW.
    public static let adamw = BaseRule(AdamW.self)
    /// FAdam.
    public static let fadam = BaseRule(FAdam.self)

    /// The rule with its defaults at a learning rate.
    public func rule(learningRate: Schedule) -> any OptimizationRule {
        var made = type.init() as any OptimizationRule
        made.learningRate = learningRate
        return made
    }

    /// The note in `describe()` on a parameter that it moves.
    var note: String { "by \(type.summary.title)" }

    /// Two are equal if their names are.
    public static func == (a: BaseRule, b: BaseRule) -> Bool { a.type.summary.name == b.type.summary.name }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(type.summary.name) }
}

extension BaseRule: LosslessStringConvertible {
    /// The rule of a name in the registry; nil if there is none.
    public init?(_ name: String) {
        let found = RuleRegistry.rules.first { $0.summary.name == name.lowercased() }
        guard let found else { return nil }
        self.init(found)
    }

    /// The name in the registry.
    public var description: String { type.summary.name }

    /// What is wrong with an unknown rule.
    public static var expectation: String { "is not one of " + choices.joined(separator: ", ") }

    /// The names of the rules that work on gradients alone.
    public static var choices: [String] { RuleRegistry.gradientRules.map { $0.summary.name } }

    /// A quoted text.
    public static var form: OptionForm { .quoted }
}

extension AllowedValues<BaseRule> {
    /// The rules that work on gradients alone.
    public static var gradientRules: AllowedValues {
        AllowedValues { base in
            base.type.init().curvatureRule == nil
                ? nil : "needs more than gradients; it " + BaseRule.expectation
        }
    }
}
