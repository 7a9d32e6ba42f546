import Torch

/// The point at which something was computed of a model: fingerprints of its network and of its weights.
///
/// Sums of information over data, such as those of several processes, mean something only if all were made at one point.
/// A fingerprint is a SHA-256 in hexadecimal digits, so that equal fingerprints mean an equal network and equal weights.
public struct ModelPoint: Hashable, Sendable {
    /// The fingerprint of the network without its weights.
    public let network: String
    /// The fingerprint of the names, shapes, types and bytes of all parameters and buffers.
    public let weights: String

    /// Gathers fingerprints that were read.
    package init(network: String, weights: String) { (self.network, self.weights) = (network, weights) }

    /// Takes the fingerprints of a model as it is now: its modules' types by their paths, and its weights. Options of
    /// layers that are not parameters, such as strides, are not seen. Costs a pass over the bytes of all weights; throws
    /// the failure of a weight that could not be computed.
    public init(of model: any Module) throws(TorchError) {
        var network = Fingerprint()
        for (path, module) in model.modules { network.add("\(path) \(type(of: module))") }
        try self.init(of: model, network: network.text)
    }

    /// Takes the fingerprint of a model's weights, the network being known by another fingerprint.
    package init(of model: any Module, network: String) throws(TorchError) {
        var weights = Fingerprint()
        for named in model.parameters.sorted(by: { $0.path < $1.path }) {
            try weights.add("\(named.path)", named.parameter.wrappedValue)
        }
        self.init(network: network, weights: weights.text)
    }
}
