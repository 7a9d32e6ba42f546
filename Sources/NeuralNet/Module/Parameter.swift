import Torch

/// A trainable tensor of a module: `@Parameter var weight: Tensor`.
///
/// The wrapper has an identity, so that a tensor used in two places (a tied head) is one parameter. Its
/// tensor is a leaf that requires gradients; optimizers change the elements in place.
///
/// A frozen parameter is also how a module keeps what is saved and loaded with its weights but is not
/// trained, such as running averages: `@Parameter(isTrainable: false) var runningMean: Tensor`.
@propertyWrapper
public final class Parameter {
    /// The parameter's tensor.
    public private(set) var wrappedValue: Tensor

    /// Whether it was created as a tensor that is kept but not trained, such as running averages;
    /// ``Module/unfreeze(matching:)`` leaves it as it is.
    public let isBuffer: Bool

    /// The parameter itself: `layer.$weight`.
    public var projectedValue: Parameter { self }

    /// Creates a parameter that takes over a tensor's memory. A failed tensor is kept, and its failure is
    /// thrown by the first call that computes the model's gradients; integers that are to be trained are such a failure.
    ///
    /// - Parameters:
    ///   - wrappedValue: the tensor.
    ///   - isTrainable: whether optimizers may change it; only floating-point types can be trained.
    public init(wrappedValue: Tensor, isTrainable: Bool = true) {
        let hasGradients = wrappedValue.failure != nil || wrappedValue.dtype.isFloatingPoint
        self.wrappedValue =
            hasGradients || !isTrainable
            ? wrappedValue.detached()
            : Tensor(failed: TorchError(message: "\(wrappedValue.dtype) numbers cannot be trained"))
        isBuffer = !isTrainable
        setTrainable(isTrainable)
    }

    /// The first parameter of a layer, or the failed one of a layer that cannot be, for the reason given: whoever uses the
    /// layer, binds an optimizer to it or saves it is told the reason.
    convenience init(unless complaint: String?, isTrainable: Bool = true, _ draw: () -> Tensor) {
        let failed = complaint.map { Tensor(failed: TorchError(message: $0)) }
        self.init(wrappedValue: failed ?? draw(), isTrainable: isTrainable)
    }

    /// Whether an optimizer changes this parameter; a frozen one receives no gradient.
    public var isTrainable: Bool {
        get { wrappedValue.failure == nil && wrappedValue.requiresGradient }
        set { setTrainable(newValue) }
    }

    private func setTrainable(_ trainable: Bool) {
        guard wrappedValue.failure == nil else { return }
        do {
            try wrappedValue.requiringGradient(trainable)
        } catch {
            preconditionFailure("a parameter must have a floating-point type: \(error)")
        }
    }

    /// Copies the elements of `value`; throws if it has another shape or could not be computed.
    public func assign(_ value: Tensor) throws(TorchError) {
        try value.check()
        guard value.shape == wrappedValue.shape else {
            throw TorchError(message: "a parameter of shape \(wrappedValue.shape) cannot hold \(value.shape)")
        }
        try withoutGradients { () throws(TorchError) in try wrappedValue.assign(value) }
    }

    /// Puts the elements on another device and into another type, which must be a floating-point one if the parameter is
    /// trained.
    func move(to device: Device, _ dtype: DType) throws(TorchError) {
        guard device != wrappedValue.device || dtype != wrappedValue.dtype else { return }
        let moved = wrappedValue.detached().to(dtype: dtype, device: device)
        try moved.check()
        wrappedValue = try moved.requiringGradient(isTrainable)
    }

    /// Puts another tensor in the place of the parameter's and returns that one, whose elements are untouched: what was
    /// computed with it can still be differentiated. For a trial, after which the former tensor is put back.
    package func exchange(_ tensor: Tensor) -> Tensor {
        defer { wrappedValue = tensor }
        return wrappedValue
    }
}
