import FisherInformation
import FisherOptions
import Torch

/// The root mean square of a divided step, tensor by tensor and step by step, before its clip.
///
/// A power of the information changes two things: which elements a step favors and how long the step is. With a
/// length of its own every power has both; with the others only the first is left, so that what is due to the
/// direction can be told from what is due to the length.
public enum StepLength: String, Codable, CaseIterable, OptionValue {
    /// The length that the division gives.
    case own
    /// RMS 1; a step of zeros remains one.
    case unit
    /// The RMS that the power 1/2 would have given with the same information and epsilon; at 1/2 it changes nothing.
    case squareRoot = "square_root"

    /// A divided step with this length.
    ///
    /// Costs two passes over the tensor for `unit`, and another division by a root for `squareRoot`.
    ///
    /// - Parameters:
    ///   - step: what the power divided.
    ///   - root: the same gradient divided as at the power 1/2.
    func applied(to step: Tensor, root: @autoclosure () -> Tensor) -> Tensor {
        switch self {
        case .own: return step
        case .unit: return quotient(step, inPrecision(of: step, step.rootMeanSquare()))
        case .squareRoot:
            let ratio = quotient(root().rootMeanSquare(), step.rootMeanSquare())
            return step * inPrecision(of: step, ratio)
        }
    }
}
