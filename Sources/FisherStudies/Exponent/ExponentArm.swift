/// An optimizer of the study of FAdam's exponent: the factors by which its arms differ.
package struct ExponentArm: Codable, Hashable, Sendable {
    /// The rule: `fadam` or `adamw`.
    package var rule: String
    /// The power rho of the information that divides.
    package var power: Double
    /// The RMS of the divided step before its clip: `own`, `square_root` or `unit`.
    package var length: String
    /// The largest RMS of the divided step; nil for no clip.
    package var clip: Double?
    /// The decay of the information.
    package var beta2: Double
    /// Where the information comes from: `minibatch` or `empirical`, the mean of squared per-sample gradients.
    package var source: String
    /// The power of the gradient that enters in its place (GradPower); 1 for the gradient itself.
    package var gradientPower: Double
    /// The largest norm of the whole gradient; nil for no such clip.
    package var gradientClip: Double?

    /// FAdam with some factors, without decay of the weights, whose length and clip would be factors of their own; everything
    /// else has its published default.
    package static func fadam(
        power: Double, length: String = "own", clip: Double? = 1, beta2: Double, source: String = "minibatch"
    ) -> ExponentArm {
        ExponentArm(
            rule: "fadam", power: power, length: length, clip: clip, beta2: beta2, source: source,
            gradientPower: 1, gradientClip: nil)
    }

    /// AdamW with the norm of the gradient clipped to 1, without decay of the weights; everything else has its published
    /// default.
    package static func adamw(length: String = "own", beta2: Double, gradientPower: Double = 1) -> ExponentArm
    {
        ExponentArm(
            rule: "adamw", power: 0.5, length: length, clip: nil, beta2: beta2, source: "minibatch",
            gradientPower: gradientPower, gradientClip: 1)
    }

    /// The optimizer as it is named on the command line.
    package var optimizer: String {
        var options = ["weight_decay=0", "beta2=\(NumberText.short(beta2))"]
        if power != 0.5 { options.append("power=\(NumberText.short(power))") }
        if length != "own" { options.append("length=\(length)") }
        if rule == "fadam", clip != 1 { options.append("clip=\(clip.map(NumberText.short) ?? "none")") }
        if source != "minibatch" { options.append("source=\(source)") }
        if gradientPower != 1 { options.append("gradient_power=\(NumberText.short(gradientPower))") }
        if let gradientClip { options.append("clip_gradient_norm=\(NumberText.short(gradientClip))") }
        return "\(rule):\(options.joined(separator: ","))"
    }

    /// A name for readers.
    package var label: String {
        var words: [String]
        if rule == "fadam" {
            words = ["FAdam \(power == 0.5 ? "1/2" : NumberText.short(power))"]
        } else {
            words = [
                gradientPower == 1
                    ? "AdamW" : "AdamW, gradient to the power \(NumberText.short(gradientPower))"
            ]
        }
        if length == "square_root" { words.append("length of 1/2") }
        if length == "unit" { words.append("length 1") }
        if rule == "fadam", length != "unit", clip == nil { words.append("no clip") }
        if source != "minibatch" { words.append(source) }
        words.append("b2 \(NumberText.short(beta2))")
        return words.joined(separator: ", ")
    }

    /// Whether another arm differs in power and length alone.
    package func hasContext(of other: ExponentArm) -> Bool {
        var moved = self
        (moved.power, moved.length) = (other.power, other.length)
        // With length 1 a clip at 1 does nothing.
        if length == "unit" || other.length == "unit" { moved.clip = other.clip }
        return moved == other
    }
}
