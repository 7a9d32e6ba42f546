import FisherInformation
import Foundation
import Torch

/// The report of an update that left no tensors behind: of the fused path on one parameter, or of another process.
struct FusedOutcome {
    /// The number of elements.
    let count: Int
    /// The sum of the squares of what was added to them.
    let changeSquares: Double
    /// max(1, RMS / c), if the rule clips.
    let clipFactor: Double?
    /// epsilon-hat, if the rule has one.
    let epsilon: Double?
    /// The distribution of the natural decay, if the rule has one and this process has moved the parameter.
    let decay: FusedDecay?
    /// The failed factorizations and solutions of another process.
    var fallbackCount = 0
}

/// The natural decay of a parameter that the fused path moved.
struct FusedDecay {
    let parameter: Tensor
    let information: MetricStep.Information
    /// Power rho of the information.
    let power: Double
    /// epsilon-hat.
    let epsilon: Double

    /// The decay's direction theta / d, up to its clip, for the weights as they are now.
    func record() -> DecayRecord {
        withoutGradients {
            let theta = parameter.detached().to(dtype: .float32)
            let f =
                switch information {
                case .full(let tensor): tensor
                case .factored(let rows, let columns, _, _):
                    (rows.unsqueezed(1) * quotient(columns, rows.sum())).reshaped(parameter.shape)
                }
            return DecayRecord(
                direction: quotient(theta, raised(f, to: power) + pow(epsilon, 2 * power)), information: f)
        }
    }
}
