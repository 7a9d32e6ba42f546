import FisherFiles

/// The instructions with which a processor multiplies bfloat16 numbers and adds the products in float32.
public enum Bfloat16Instructions {
    /// Those of this machine's processor, by the names that Linux gives them: `avx512_bf16`, `amx_bf16`, and on Arm `bf16`.
    ///
    /// Empty if there is none, or if the system does not tell: products of bfloat16 numbers then take longer than those of
    /// float32 numbers.
    public static let found: [String] = names(in: SystemFile.text(at: "/proc/cpuinfo") ?? "")

    /// What a person is told who trains in bfloat16 without them; nil with them.
    package static func complaint(_ found: [String] = found) -> String? {
        found.isEmpty
            ? "this processor has no instructions for products of bfloat16 numbers, which take longer here than those of "
                + "float32 numbers" : nil
    }

    /// The names among the features of the first processor in the text of `/proc/cpuinfo`.
    static func names(in text: String) -> [String] {
        let features = text.split(separator: "\n").first {
            $0.hasPrefix("flags") || $0.hasPrefix("Features")
        }
        guard let list = features?.split(separator: ":").last else { return [] }
        let all = Set(list.split(whereSeparator: \.isWhitespace).map(String.init))
        return ["avx512_bf16", "amx_bf16", "bf16"].filter(all.contains)
    }
}
