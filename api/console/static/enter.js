// A one-time link has its ticket in the fragment, which no server and no log ever sees: put it into the form.

const form = document.querySelector("#enter");
const ticket = location.hash.slice(1);
if (ticket) {
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.ticket.value = ticket;
  form.submit();
}
