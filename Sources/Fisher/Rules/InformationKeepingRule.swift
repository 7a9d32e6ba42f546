import FisherInformation
import Foundation
import Torch

/// A rule that keeps the diagonal of an information in its state, in which the norm of a gradient can be measured.
public protocol InformationKeepingRule: OptimizationRule {
    /// The diagonal of the information F in a parameter's shape, as the rule divides by it after `step` updates:
    /// corrected for the start of an average where the rule corrects it, without epsilon, clip or power; nil before the
    /// first update. One pass over the state at most.
    func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor?
}

extension Adagrad: InformationKeepingRule {
    /// The mean of the squares that Adagrad sums up.
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["sum"].map { $0 / Double(max(step, 1)) }
    }
}

extension RMSProp: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["average"]
    }
}

extension AdamFamily: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"].map { correctsBias ? $0 / (1 - pow(beta2(step), Double(step))) : $0 }
    }
}

extension Adafactor: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"] ?? factoredSquare(like: parameter, in: state)
    }
}

extension FAdam: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"]
    }
}

extension FAdafactor: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"] ?? factoredSquare(like: parameter, in: state)
    }
}

extension DiagonalNaturalGradient: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"]
    }
}
