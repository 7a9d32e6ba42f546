import FisherMedia

extension Fuzzed {
    /// A file in the format of MNIST.
    static let idx = Fuzzed(
        "idx", weight: 100, tokens: ["\u{0}\u{0}\u{8}\u{3}", "\u{0}\u{0}\u{0}\u{5}", "\u{8}"]
    ) { bytes in
        let found: IDX?
        do throws(MediaError) { found = try IDX(bytes, path: "images") } catch {
            _ = "\(error)"
            return false
        }
        guard let found else { return false }
        try FuzzFailure.require(found.shape.reduce(1, *) == found.bytes.count, "an array lacks numbers")
        return true
    }
}
