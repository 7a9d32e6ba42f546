// In which precision the objectives of steps are computed.

import FisherInformation
import Torch

extension Optimizer {
    /// Whether the rule of some group may take products with second derivatives of an objective.
    package var takesSecondDerivatives: Bool {
        groups.contains { group in
            group.rule.curvatureRule?.requests(at: 1).contains(where: \.needsSecondDerivatives) ?? false
        }
    }

    /// The precision of the products in the objective of the next step.
    var objectivePrecision: ComputePrecision {
        if precision == .float32 { return .float32 }
        return questions.contains { $0.question.requests.contains(where: \.needsSecondDerivatives) }
            ? .float32 : precision
    }

    /// An objective in the precision of the next step.
    func inPrecision(_ objective: () throws -> Objective) throws -> Objective {
        try withAutocast(to: objectivePrecision, objective)
    }

    /// What `describe()` says of it; nothing if no precision was chosen.
    var precisionLines: [String] {
        if precision == .float32 { return [] }
        let line =
            "objective: matrix products, convolutions and attention in \(precision.rawValue) (autocast); weights, "
            + "normalizations, losses, statistics and rules in float32"
        return [
            line + (takesSecondDerivatives ? "; all in float32 where its second derivatives are taken" : "")
        ]
    }
}
