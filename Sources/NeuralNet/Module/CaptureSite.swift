import Torch

/// Receives what layers compute while a recorder is active.
public protocol CaptureRecorder: AnyObject {
    /// Receives one use of a layer: its input and its output, both still part of the gradient's record. A layer
    /// that is called twice, or a weight used in two places, is recorded twice under its path.
    func record(layer path: ParameterPath, input: Tensor, output: Tensor)

    /// Receives a use with what the layer's caller knows of padding: which of the output's positions are none, Booleans
    /// [units, positions]; nil if nothing is known. By default that is left out.
    func record(layer path: ParameterPath, input: Tensor, output: Tensor, present: Tensor?)
}

extension CaptureRecorder {
    public func record(layer path: ParameterPath, input: Tensor, output: Tensor, present: Tensor?) {
        record(layer: path, input: input, output: output)
    }
}

/// The place in a layer where its uses can be recorded for curvature estimates.
///
/// A layer that takes part holds a site as a stored property and returns its output through it:
///
///     let site = CaptureSite()
///     func callAsFunction(_ input: Tensor) -> Tensor { site.record(input: input, output: input * weight) }
///
/// Without a recorder it costs one test per call.
public final class CaptureSite {
    private var target: (recorder: any CaptureRecorder, path: ParameterPath)?

    /// Creates a site without a recorder.
    public init() {}

    /// Whether a recorder is active.
    public var isRecording: Bool { target != nil }

    /// Passes a use of the layer to the active recorder, if there is one, and returns the output unchanged.
    ///
    /// - Parameters:
    ///   - input: the layer's input.
    ///   - output: the layer's output.
    ///   - present: which positions of the output are no padding, Booleans [units, positions]; nil where that is not known
    ///     here. It is needed only of layers whose positions are not those of the likelihood.
    public func record(input: Tensor, output: Tensor, present: @autoclosure () -> Tensor? = nil) -> Tensor {
        if let target {
            target.recorder.record(layer: target.path, input: input, output: output, present: present())
        }
        return output
    }

    fileprivate func attach(_ recorder: (any CaptureRecorder)?, path: ParameterPath) {
        target = recorder.map { ($0, path) }
    }
}

extension Module {
    /// Runs `body` while every layer with a capture site passes its uses to `recorder`, by path.
    public func capturing<Result, Failure: Error>(
        by recorder: any CaptureRecorder, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let sites = captureSites
        for (path, site) in sites { site.attach(recorder, path: path) }
        defer { for (path, site) in sites { site.attach(nil, path: path) } }
        return try body()
    }
}
