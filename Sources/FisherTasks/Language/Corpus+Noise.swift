extension Corpus {
    /// Bytes made up for measurements of time: uniform, the same each time.
    public static func noise(byteCount: Int) -> Corpus {
        var value: UInt64 = 1
        let bytes = (0..<byteCount).map { _ in
            // Knuth's linear congruential generator (MMIX); its high bits are good enough here.
            value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: value >> 56)
        }
        return Corpus(name: "noise", documents: [bytes], validationFraction: 0.5)
    }
}
