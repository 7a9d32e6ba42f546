import Fisher

// In which precision a run is computed.
extension TrainingSession {
    /// What `run.json` says of it.
    var precisions: RunPrecisions {
        let types = model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue.dtype)
        func names(_ type: (DType) -> DType) -> String {
            Set(types.map { "\(type($0))" }).sorted().joined(separator: ", ")
        }
        let own = names { $0 }
        // Autocast casts float32 alone.
        let narrow = names { precision == .bfloat16 && $0 == .float32 ? .bfloat16 : $0 }
        let isMixed = narrow != own && optimizer.takesSecondDerivatives
        return RunPrecisions(
            products: narrow + (isMixed ? ", where second derivatives are taken \(own)" : ""),
            evaluation: narrow, weights: own, losses: own, rules: names(\.accumulator), measures: own)
    }
}
