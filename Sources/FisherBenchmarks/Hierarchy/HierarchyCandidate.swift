import Fisher
import FisherInformation
import FisherTraining
import Foundation

/// An optimizer as a level of a hierarchy: without momentum, decay, clipping and adapted damping.
public struct HierarchyCandidate: Sendable {
    /// The name shown to readers.
    public let label: String
    /// The rule with the options under which it is measured; its damping is that of the ladder.
    public let rule: any OptimizationRule
    /// Whether its damping follows the curves' dampings.
    public let followsDamping: Bool
    private let study: HierarchySettings

    /// Makes a level of a rule.
    ///
    /// The rule's options become those of ``neutralSettings(of:_:)``, then those that are given. A damping among them is
    /// kept at every damping of the curves.
    ///
    /// - Parameters:
    ///   - name: the rule's name in the registry.
    ///   - settings: options that differ from the study's.
    ///   - study: what is the same for every level.
    /// - Throws: `HyperparameterError` for an unknown rule or option, or a value that is not allowed.
    public init(
        _ name: String, _ settings: [(name: String, value: String)] = [], in study: HierarchySettings
    ) throws(HyperparameterError) {
        var rule = try RuleRegistry.rule(named: name)
        try rule.set(Self.neutralSettings(of: rule, study))
        try rule.set(settings)
        let shown = settings.map { " + \($0.name) \($0.value)" }.joined()
        label = type(of: rule).summary.name + shown
        self.rule = rule
        self.study = study
        let own = Set(settings.compactMap { rule.options.entry(named: $0.name)?.name })
        followsDamping = rule.options.contains { $0.name == "damping" } && !own.contains("damping")
    }

    /// The options of a rule that are the same for every level, of those that it has: no momentum, no decay, no clip, no
    /// adapted damping; the study's damping, as an exact one; statistics, roots and bases at every update; averages whose
    /// weights differ by less than a hundredth. What guards a division, such as Adam's and Shampoo's epsilon, stays at
    /// its default.
    public static func neutralSettings(
        of rule: any OptimizationRule, _ study: HierarchySettings
    ) -> [(name: String, value: String)] {
        let shared = [
            ("learning_rate", "1"), ("momentum", "0"), ("beta1", "0"), ("uses_nesterov", "false"),
            ("weight_decay", "0"), ("clip", "none"), ("kl_clip", "none"), ("adapts_damping", "false"),
            ("damping", "\(study.damping)"), ("damping_style", "exact"), ("labels", study.labels),
            ("statistics_interval", "1"), ("inverse_interval", "1"), ("root_interval", "1"),
            ("basis_interval", "1"), ("beta2", "0.999"), ("decay", "0.999"),
            ("history", "\(study.batchCount)"), ("tolerance", "1e-5"), ("maximum_iterations", "2000"),
        ]
        let names = Set(rule.options.map(\.name))
        var found = shared.filter { names.contains($0.0) }.map { (name: $0.0, value: $0.1) }
        // The momentum of AdaFisher is called beta, as is the decay of RMSProp's average.
        if rule.options.entry(named: "beta1")?.name == "beta" { found.append(("beta", "0")) }
        if rule is NaturalGradient {
            found.append(("solver", study.solver))
            if let draws = study.draws { found += [("source", "sampled"), ("draws", "\(draws)")] }
        }
        return found
    }

    /// The ladder that is measured by default.
    public static func usual(_ study: HierarchySettings) throws(HyperparameterError) -> [HierarchyCandidate] {
        let ladder: [(name: String, settings: [(name: String, value: String)])] = [
            ("sgd", []), ("adam", []), ("fadam", []), ("fadafactor", []),
            ("diagonal_natural_gradient", [("source", study.labels)]), ("adafisher", []), ("muon", []),
            ("shampoo", []), ("soap", []), ("kronecker_fadam", []), ("mfac", []), ("ief", []),
            ("kfac", [("damping_style", "factored")]), ("kfac", []), ("ekfac", []), ("natural_gradient", []),
        ]
        return try ladder.map { (level) throws(HyperparameterError) in
            try HierarchyCandidate(level.name, level.settings, in: study)
        }
    }

    /// The groups in which the level moves a model at a damping of the curves.
    ///
    /// Parameters that a Kronecker-factored rule leaves to its fallback have the diagonal of their information, with the
    /// same damping. What another rule's groups leave to a fallback, as Muon's do, moves by that with the neutral options.
    func groups(
        for model: any Module, damping: Double, unitCount: Int
    ) throws -> [ParameterGroup] {
        let scaled = try Self.damped(rule, followsDamping ? damping : nil, unitCount: unitCount, study)
        guard let factored = scaled as? any KroneckerRule else {
            return try scaled.groups(for: model).map { group in
                if type(of: group.rule) == type(of: scaled) { return group }
                var other = group.rule
                try other.set(Self.neutralSettings(of: other, study))
                return ParameterGroup(group.pattern, other, decaying: group.decayScope)
            }
        }
        let structure = try CurvatureEstimator(of: model).structure
        guard !structure.others.isEmpty, !structure.layers.isEmpty else {
            return [ParameterGroup(.rest, scaled)]
        }
        let diagonal = try HierarchyCandidate(
            "diagonal_natural_gradient", [("source", study.labels)], in: study
        ).rule
        let others = structure.others.map { structure.paths[$0] }
        return [
            ParameterGroup(
                .listed(others, as: "parameters without factors"),
                try Self.damped(diagonal, factored.kronecker.damping(1), unitCount: unitCount, study)),
            ParameterGroup(.rest, scaled),
        ]
    }

    /// A rule with a damping on the scale of the mean information; as it is for no damping.
    private static func damped(
        _ rule: any OptimizationRule, _ damping: Double?, unitCount: Int, _ study: HierarchySettings
    ) throws(HyperparameterError) -> any OptimizationRule {
        guard let damping else { return rule }
        let scale: Double =
            switch rule {
            // J J^T is not divided by the number of units.
            case is IEF: Double(unitCount)
            // Its average is not corrected for its start at zero.
            case let rule as DiagonalNaturalGradient: 1 - pow(rule.beta2(1), Double(study.batchCount))
            default: 1
            }
        var rule = rule
        try rule.set("damping", to: "\(damping * scale)")
        // The step of a smaller information and damping is longer by the same factor.
        if rule is DiagonalNaturalGradient { rule.learningRate = .constant(scale) }
        return rule
    }

    /// The level for the document, without its cost.
    public var level: HierarchyLevel {
        let summary = type(of: rule).summary
        return HierarchyLevel(
            label: label, rule: summary.name, source: summary.source, structure: summary.structure,
            power: summary.power, operations: summary.cost,
            options: rule.settings.map { Setting($0.name, $0.value) }, isDamped: followsDamping)
    }
}
