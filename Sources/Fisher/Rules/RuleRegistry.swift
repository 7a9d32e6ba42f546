import FisherInformation
import Torch

/// All rules by name. A new rule adds one line here.
public enum RuleRegistry {
    /// The rules in the order of the table: from less to more information.
    public static let rules: [any OptimizationRule.Type] = [
        SGD.self, Adagrad.self, RMSProp.self, Adam.self, AdamW.self, Adafactor.self, FAdam.self,
        FAdafactor.self, DiagonalNaturalGradient.self, AdaFisher.self, AdaFisherW.self, Muon.self,
        Shampoo.self,
        SOAP.self, KroneckerFAdam.self, KFAC.self, EKFAC.self, MFAC.self, IEF.self, NaturalGradient.self,
        GaussNewton.self, Newton.self,
    ]

    /// Those that work on gradients alone with their published defaults.
    public static var gradientRules: [any OptimizationRule.Type] {
        rules.filter { $0.init().informed == nil }
    }

    /// The rule of a name with its published defaults; throws a name that is none, with the nearest one.
    public static func rule(named name: String) throws(HyperparameterError) -> any OptimizationRule {
        let names = rules.map { $0.summary.name }
        guard let position = names.firstIndex(of: name.lowercased()) else {
            let hint = nearestName(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
            throw HyperparameterError(
                rule: "fisher", option: "optimizer", value: name,
                reason: "is not one of \(names.joined(separator: ", "))\(hint)")
        }
        return rules[position].init()
    }
}
