import NeuralNet
import Torch

/// Why there are no valid standard errors.
public enum InferenceError: Error, CustomStringConvertible {
    /// The inverse information is not a covariance at this point, for these reasons.
    case notACovariance([InformationRegime.Reason])
    /// A confidence level outside (0, 1).
    case badLevel(Double)
    /// Evidence of other parameters or at another point.
    case mismatched(reason: String)
    /// The linear algebra failed.
    case numerical(TorchError)

    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .notACovariance(let reasons):
            "the inverse information is not a covariance here: "
                + reasons.map(\.description).joined(separator: "; ")
        case .badLevel(let level): "a confidence level of \(level) does not lie between 0 and 1"
        case .mismatched(let reason): "the evidence cannot be added: \(reason)"
        case .numerical(let error): "the inverse information cannot be computed: \(error)"
        }
    }
}
