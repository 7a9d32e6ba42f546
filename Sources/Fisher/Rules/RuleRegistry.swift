import FisherOptions
import Synchronization
import Torch

/// All rules by name. A new rule of this package adds one line here; one of another package calls ``register(_:)``.
public enum RuleRegistry {
    private static let registered = Mutex<[any OptimizationRule.Type]>([
        SGD.self, Adagrad.self, RMSProp.self, AdaDelta.self, Adam.self, AdamW.self, AMSGrad.self, AdaMax.self,
        Yogi.self, LaProp.self, Adafactor.self, FAdam.self, FAdafactor.self, DiagonalNaturalGradient.self,
        AdaFisher.self, AdaFisherW.self, Muon.self,
        Shampoo.self, SOAP.self, KroneckerFAdam.self, KFAC.self, EKFAC.self, MFAC.self, IEF.self,
        NaturalGradient.self, GaussNewton.self, Newton.self,
        AdaHessian.self, IVON.self, TONGA.self, CorrelatedFAdam.self,
    ])

    /// The rules in the order of the table: from less to more information, then those registered later.
    public static var rules: [any OptimizationRule.Type] { registered.withLock { $0 } }

    /// Registers a rule under the name of its summary, from any thread: on the command line, in
    /// configurations and comparisons, and as a fallback of other rules. It replaces an earlier one of the
    /// same name.
    public static func register<Rule: OptimizationRule>(_ rule: Rule.Type) {
        registered.withLock { rules in
            if let place = rules.firstIndex(where: { $0.summary.name == rule.summary.name }) {
                rules[place] = rule
            } else {
                rules.append(rule)
            }
        }
    }

    /// Those that work on gradients alone with their published defaults.
    public static var gradientRules: [any OptimizationRule.Type] {
        rules.filter { $0.init().curvatureRule == nil }
    }

    /// The rule of a name with its published defaults; throws for an unknown name, with the nearest one.
    public static func rule(named name: String) throws(HyperparameterError) -> any OptimizationRule {
        let rules = rules
        let names = rules.map { $0.summary.name }
        guard let position = names.firstIndex(of: name.lowercased()) else {
            throw HyperparameterError(unknownRule: name, among: names)
        }
        return rules[position].init()
    }
}
