using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Norm, gated feed-forward network and residual: out = x + down(f(gate(n))·up(n)), n = norm(x). Shazeer 2020.</summary>
internal sealed class FeedForwardBlock(RmsNormLayer norm, LinearLayer gate, LinearLayer up, LinearLayer down, Activation activation)
{
    public IReadOnlyList<LinearLayer> Linears { get; } = [gate, up, down];

    public RmsNormLayer Norm => norm;

    public bool Trains => down.Trains || InputTrains;

    private bool InputTrains => norm.Trains || gate.Trains || up.Trains;

    /// <summary>x and output (T, C) may be the same rows.</summary>
    public void Forward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor output)
    {
        Tensor hidden = scratch.Hidden.Take(pass.Tokens);
        Recompute(pass, saved, scratch, x);
        pass.Backend.GatedActivation(saved.Gate.Take(pass.Tokens), saved.Up.Take(pass.Tokens), activation, hidden);
        down.Forward(pass, hidden, output, addend: x);
    }

    /// <summary>The part of <see cref="Forward"/> whose results the backward pass needs.</summary>
    public void Recompute(Pass pass, LayerActivations saved, Scratch scratch, Tensor x)
    {
        int tokens = pass.Tokens;
        Tensor normed = scratch.Normed.Take(tokens);
        norm.Forward(pass.Backend, x, normed, saved.MiddleInverseRms.Take(tokens));
        pass.Backend.Linears(normed, gate.Operands(pass, normed, saved.Gate.Take(tokens)), up.Operands(pass, normed, saved.Up.Take(tokens)));
    }

    /// <summary>dStream (T, C) holds the gradient of the output and receives that of x where <paramref name="inputGradient"/>.</summary>
    public void Backward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor dStream, bool inputGradient)
    {
        int tokens = pass.Tokens;
        Backend backend = pass.Backend;
        Tensor gated = saved.Gate.Take(tokens), raised = saved.Up.Take(tokens), hidden = scratch.Hidden.Take(tokens);
        bool goesOn = inputGradient || InputTrains;
        if (down.Trains)
        {
            backend.GatedActivation(gated, raised, activation, hidden);
        }

        Tensor? dHidden = goesOn ? scratch.DHidden.Take(tokens) : null;
        down.Backward(pass, dStream, hidden, dHidden);
        if (dHidden is null)
        {
            return;
        }

        backend.GatedActivationBackward(dHidden, gated, raised, activation, dHidden, hidden);
        Tensor normed = scratch.Normed.Take(tokens), inverseRms = saved.MiddleInverseRms.Take(tokens);
        if (gate.Trains || up.Trains)
        {
            norm.Forward(backend, x, normed, inverseRms);
        }

        Tensor? dNormed = inputGradient || norm.Trains ? scratch.DNormed.Take(tokens) : null;
        gate.Backward(pass, dHidden, normed, dNormed);
        up.Backward(pass, hidden, normed, dNormed, accumulate: true);
        if (dNormed is not null)
        {
            norm.Backward(backend, dNormed, x, inverseRms, dStream);
        }
    }
}
