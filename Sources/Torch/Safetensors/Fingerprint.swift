import FisherFiles

/// A fingerprint of texts and tensors: the SHA-256 of their names, types, shapes and bytes in the order in which they are
/// added. Equal fingerprints mean equal contents.
package struct Fingerprint {
    private var hash = SHA256()

    /// Starts with nothing.
    package init() {}

    /// Adds a text, with its length, so that no two sequences of texts are the same bytes.
    package mutating func add(_ text: String) {
        Array("\(text.utf8.count):\(text)".utf8).withUnsafeBytes { hash.add($0) }
    }

    /// Adds a tensor under a name. Throws its failure, if it has one.
    package mutating func add(_ name: String, _ tensor: Tensor) throws(TorchError) {
        try tensor.check()
        add(name)
        add("\(tensor.dtype) \(tensor.shape)")
        let plain = tensor.detached().to(device: .cpu).contiguous()
        try plain.check()
        plain.withUnsafeBytes { hash.add($0) }
    }

    /// 64 hexadecimal digits.
    package var text: String { hash.hexadecimal }

    /// The fingerprint of one text.
    package static func of(_ text: String) -> String {
        var fingerprint = Fingerprint()
        fingerprint.add(text)
        return fingerprint.text
    }
}
